//! [`StatementCachePolicy`]: the choice of statements that a connection keeps prepared.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

/// Longest text that is kept as long as there is room, in bytes.
const SHORT: usize = 1024;

/// Longest text that is ever kept, in bytes. An INSERT of many rows is longer.
const LONG: usize = 32 * 1024;

/// Most renewed statements on one connection, and most renewals of one statement.
const MAX_RENEWED: usize = 256;

/// Decides if a connection keeps a statement prepared, and changes its text where it has to be prepared again.
///
/// sqlx drops the least recently used statement when it keeps another one, which costs a round trip. So in a full
/// cache, a statement is kept only when it comes a second time (the doorkeeper of TinyLFU,
/// <https://doi.org/10.1145/3149371>): otherwise, it is prepared without a name.
pub(super) struct StatementCachePolicy {
    capacity: usize,
    /// True behind a pooler. A statement that is not kept is prepared without a name by one message, and run by the
    /// next, which may reach another server connection, with the unnamed statement of another client.
    keeps_all: bool,
    /// A Bloom filter of one hash.
    seen: Vec<u64>,
    sightings: usize,
    hasher: RandomState,
    /// Number of times that each text was renewed. sqlx cannot drop a single statement, but identifies it by its text.
    renewed: HashMap<String, usize>,
}

impl StatementCachePolicy {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            keeps_all: false,
            seen: Vec::new(),
            sightings: 0,
            hasher: RandomState::new(),
            renewed: HashMap::new(),
        }
    }

    /// Keeps all statements. sqlx drops the least recently used ones.
    pub(super) fn all() -> Self {
        Self {
            keeps_all: true,
            ..Self::new(0)
        }
    }

    /// True if each statement needs a name.
    pub(super) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// True if a statement should be kept. Kept statements stay in both cases.
    pub(super) fn admits(&mut self, sql: &str, kept: usize) -> bool {
        match sql.len() {
            _ if self.keeps_all => true,
            0..=SHORT if kept < self.capacity => true,
            0..=LONG if self.capacity > 0 => self.was_seen(sql),
            _ => false,
        }
    }

    fn was_seen(&mut self, sql: &str) -> bool {
        if self.sightings >= self.capacity || self.seen.is_empty() {
            // Eight bits a statement: one of eight that come once is taken for one that comes again.
            let words = (self.capacity / 8).next_power_of_two().max(8);
            self.seen.clear();
            self.seen.resize(words, 0);
            self.sightings = 0;
        }
        let hash = self.hasher.hash_one(sql);
        let word = usize::try_from(hash >> 6).unwrap_or(usize::MAX) % self.seen.len();
        let bit = 1 << (hash & 63);
        let was_seen = self.seen[word] & bit != 0;
        if !was_seen {
            self.seen[word] |= bit;
            self.sightings += 1;
        }
        was_seen
    }

    /// Returns the text of a statement on this connection. A renewed one has spaces at its end.
    pub(super) fn text<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        if self.renewed.is_empty() {
            return Cow::Borrowed(sql);
        }
        match self.renewed.get(sql) {
            Some(times) => Cow::Owned(format!("{sql}{:times$}", "")),
            None => Cow::Borrowed(sql),
        }
    }

    /// Makes a statement be prepared again. False if there are too many renewed ones: replace the connection.
    pub(super) fn renew(&mut self, sql: &str) -> bool {
        if let Some(times) = self.renewed.get_mut(sql) {
            *times += 1;
            return *times < MAX_RENEWED;
        }
        self.renewed.insert(sql.to_owned(), 1);
        self.renewed.len() < MAX_RENEWED
    }
}

#[cfg(test)]
mod tests {
    use super::{LONG, SHORT, StatementCachePolicy};

    #[test]
    fn a_full_connection_keeps_what_comes_again() {
        let mut policy = StatementCachePolicy::new(100);
        assert!(policy.admits("SELECT 1", 99));
        assert!(!policy.admits("SELECT 2", 100));
        assert!(policy.admits("SELECT 2", 100));
    }

    #[test]
    fn long_texts_are_kept_if_they_come_again_and_very_long_ones_never() {
        let mut policy = StatementCachePolicy::new(100);
        let (long, very_long) = (" ".repeat(SHORT + 1), " ".repeat(LONG + 1));
        assert!(!policy.admits(&long, 0));
        assert!(policy.admits(&long, 0));
        for _ in 0..3 {
            assert!(!policy.admits(&very_long, 0));
        }
    }

    #[test]
    fn behind_a_pooler_each_statement_has_a_name() {
        let mut policy = StatementCachePolicy::all();
        assert!(policy.admits("SELECT 1", 200));
        assert!(policy.admits(&" ".repeat(LONG + 1), 200));
    }

    #[test]
    fn rare_statements_are_forgotten() {
        let mut policy = StatementCachePolicy::new(10);
        let mut kept = 0;
        for number in 0..1000 {
            kept += u32::from(policy.admits(&format!("SELECT {number}"), 10));
        }
        assert!(kept < 150, "{kept} of 1000 that came once");
    }

    #[test]
    fn a_renewed_statement_has_another_text() {
        let mut policy = StatementCachePolicy::new(10);
        assert_eq!(policy.text("SELECT 1"), "SELECT 1");
        assert!(policy.renew("SELECT 1"));
        assert_eq!(policy.text("SELECT 1"), "SELECT 1 ");
        assert!(policy.renew("SELECT 1"));
        assert_eq!(policy.text("SELECT 1"), "SELECT 1  ");
        assert_eq!(policy.text("SELECT 2"), "SELECT 2");
        assert!((0..1000).any(|number| !policy.renew(&format!("SELECT {number}"))));
    }
}
