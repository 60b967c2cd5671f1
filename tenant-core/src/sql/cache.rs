//! [`Compiler`]: compiles each text once.

use std::sync::Arc;

use foldhash::fast::RandomState;
use moka::sync::Cache;

use super::{Rules, compile, refusal::Refusal, template::Template, unguarded};
use crate::plant::{self, Plant};

/// What the cache holds at the most, in bytes of texts and templates.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// A longer text is compiled each time: `insert_many` makes one for every number of rows.
const CACHED_TEXT_BYTES: usize = 32 * 1024;

/// Compiles statements and remembers them by their text.
///
/// A cached template belongs to no tenant, so it cannot be taken for another tenant's.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    rules: Arc<Rules>,
    cache: Cache<Arc<str>, Arc<Template>, RandomState>,
}

impl Compiler {
    pub(crate) fn new(rules: Rules) -> Self {
        let cache = Cache::builder()
            .max_capacity(CACHE_BYTES)
            .weigher(|text: &Arc<str>, template: &Arc<Template>| {
                u32::try_from(text.len() + template.size()).unwrap_or(u32::MAX)
            })
            .build_with_hasher(RandomState::default());
        Self {
            rules: Arc::new(rules),
            cache,
        }
    }

    /// What its statements may name.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The template of `sql`. A refusal is not cached: it is a bug to be mended.
    pub(crate) fn compile(&self, sql: &str) -> Result<Arc<Template>, Refusal> {
        if plant::is(Plant::GuardOff) {
            return Ok(Arc::new(Self::replace_markers(sql)));
        }
        if let Some(template) = self.cache.get(sql) {
            return Ok(template);
        }
        let template = Arc::new(compile::compile(sql, &self.rules)?);
        if sql.len() <= CACHED_TEXT_BYTES {
            self.cache.insert(sql.into(), Arc::clone(&template));
        }
        Ok(template)
    }

    /// The template of a statement that passes as it is written, but for the marker.
    pub(crate) fn pass(sql: &str) -> Result<Template, Refusal> {
        unguarded::check(sql)?;
        Ok(Self::replace_markers(sql))
    }

    fn replace_markers(sql: &str) -> Template {
        compile::replace_markers(sql)
    }
}
