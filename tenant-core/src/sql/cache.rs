//! [`Compiler`]: compiles each text once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quick_cache::{Weighter, sync::Cache};

use super::{Rules, compile, fan_out, refusal::Refusal, template::Template, unguarded};

/// Capacity of the cache, in bytes of texts and templates.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Estimated mean size of an entry. The cache divides itself into shards of a number of entries, and a shard must have
/// room for the longest text.
const ENTRY_BYTES: usize = 16 * 1024;

/// Longest cached text, in bytes. A longer one is compiled each time: `insert_many` makes a text for each number of
/// rows.
const CACHED_TEXT_BYTES: usize = 32 * 1024;

/// Compiles statements and caches them by their text.
///
/// A cached template belongs to no tenant, so it cannot be taken for another tenant's.
#[derive(Debug, Clone)]
pub(crate) struct Compiler(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: Rules,
    cache: Cache<Box<str>, Arc<Template>, Bytes>,
    parsed: AtomicU64,
    refused: AtomicU64,
}

/// Figures of the statements of all tenants, since the handle was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatementStatus {
    /// Texts in the cache of compiled statements.
    pub cached: usize,
    /// Size of the cache in bytes: 16 MiB at most.
    pub cached_bytes: usize,
    /// Texts that were parsed, because they were not cached.
    pub parsed: u64,
    /// Statements that were refused.
    pub refused: u64,
}

/// Weighs entries by their bytes.
#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Box<str>, Arc<Template>> for Bytes {
    fn weight(&self, text: &Box<str>, template: &Arc<Template>) -> u64 {
        (text.len() + template.size()) as u64
    }
}

impl Compiler {
    pub(crate) fn new(rules: Rules) -> Self {
        let cache = Cache::with_weighter(CACHE_BYTES / ENTRY_BYTES, CACHE_BYTES as u64, Bytes);
        Self(Arc::new(Inner {
            rules,
            cache,
            parsed: AtomicU64::default(),
            refused: AtomicU64::default(),
        }))
    }

    /// Returns the rules for statements.
    pub(crate) fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Returns the template of `sql`. Refusals are not cached.
    pub(crate) fn compile(&self, sql: &str) -> Result<Arc<Template>, Refusal> {
        if let Some(template) = self.0.cache.get(sql) {
            return Ok(template);
        }
        self.0.parsed.fetch_add(1, Ordering::Relaxed);
        let template = Arc::new(compile::compile(sql, &self.0.rules)?);
        if sql.len() <= CACHED_TEXT_BYTES {
            self.0.cache.insert(sql.into(), Arc::clone(&template));
        }
        Ok(template)
    }

    /// Counts a refused statement.
    pub(crate) fn count_refusal(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn status(&self) -> StatementStatus {
        StatementStatus {
            cached: self.0.cache.len(),
            cached_bytes: usize::try_from(self.0.cache.weight()).unwrap_or(usize::MAX),
            parsed: self.0.parsed.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
        }
    }

    /// Returns the template of a query that is sent for many tenants at once.
    pub(crate) fn compile_fan_out(&self, sql: &str) -> Result<Arc<Template>, Refusal> {
        let template = self.compile(sql)?;
        fan_out::check(sql)?;
        Ok(template)
    }

    /// Returns the template of an unguarded statement, in which only the marker is replaced.
    pub(crate) fn pass(sql: &str) -> Result<Template, Refusal> {
        unguarded::check(sql)?;
        Ok(Self::replace_markers(sql))
    }

    fn replace_markers(sql: &str) -> Template {
        compile::replace_markers(sql)
    }
}
