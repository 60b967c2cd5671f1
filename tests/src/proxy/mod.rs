//! [`Proxy`]: a proxy between a client and the PostgreSQL server that injects network faults.
//!
//! The proxy parses the framing of PostgreSQL's protocol (version 3) in both directions. So a fault hits a message
//! that the test names, such as the reply to a COMMIT. The proxy does not support TLS, and declines it if a client asks.
//!
//! Two ways to inject faults: [`Proxy::add`] takes a [`Rule`] for one message, [`Proxy::set_faults`] takes
//! probabilities for every message.

mod connection;
mod frame;
mod random;
mod rule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{net::TcpListener, task::JoinHandle};

use connection::{Judge, accept};

pub use random::Faults;
pub use rule::{Direction, Fault, Firing, Rule};

/// A proxy on its own port. Dropping it stops it and ends its connections.
///
/// # Example
/// ```no_run
/// # async fn example() {
/// use sea_orm::{Database, TransactionTrait};
/// use tests::{Fault, Proxy, Rule, TestDatabase};
///
/// let database = TestDatabase::create().await;
/// let proxy = Proxy::start(database.url()).await;
/// let db = Database::connect(proxy.url()).await.unwrap();
/// let held = proxy.add(Rule::reply("BEGIN", Fault::Hold));
/// let begun = tokio::spawn(async move { db.begin().await });
/// held.fired().await; // The server has begun, and the client does not know it.
/// held.release();
/// begun.await.unwrap().unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of the server of a database's URL. Its random faults have the seed 0.
    ///
    /// # Panics
    /// If the URL names no host, or there is no free port.
    pub async fn start(database_url: &str) -> Self {
        Self::start_with_seed(database_url, 0).await
    }

    /// Starts a proxy whose random faults depend on `seed`, the number of the connection and the number of the message.
    ///
    /// # Panics
    /// If the URL names no host, or there is no free port.
    pub async fn start_with_seed(database_url: &str, seed: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (server, url) = with_address(database_url, &address);
        let shared = Arc::new(Shared {
            seed,
            state: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&shared)));
        Self {
            url,
            shared,
            accepting,
        }
    }

    /// Returns the URL of the database through the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds a rule. The rule counts messages from now on, of all connections.
    pub fn add(&self, rule: Rule) -> Firing {
        let firing = rule.firing();
        self.shared.state().rules.push(rule);
        firing
    }

    /// Sets the probabilities of random faults, for open connections too. [`Faults::default`] switches them off.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.state().faults = faults;
    }

    /// Returns the counts until now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.state().counts
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Counts of the connections and faults of a [`Proxy`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connections that clients opened.
    pub connections: u64,
    /// Messages that were delayed.
    pub delays: u64,
    /// Messages that were held until released.
    pub holds: u64,
    /// Messages that were split into pieces.
    pub splits: u64,
    /// Connections that were closed.
    pub cuts: u64,
    /// Connections that were reset.
    pub resets: u64,
    /// Connections that fell silent in one direction.
    pub blackholes: u64,
}

impl Counts {
    /// Returns the sum of all faults.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.delays + self.holds + self.splits + self.cuts + self.resets + self.blackholes
    }
}

/// State that all connections of a proxy share.
#[derive(Debug)]
struct Shared {
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    faults: Faults,
    counts: Counts,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the judge of one direction of a new connection, with its own random numbers.
    fn judge(self: &Arc<Self>, direction: Direction, connection: u64) -> Judge {
        let number = connection * 2 + u64::from(direction == Direction::ToClient);
        let seed = self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Judge::new(Arc::clone(self), direction, fastrand::Rng::with_seed(seed))
    }
}

/// Returns the address in a URL, and the URL with `address` in its place.
fn with_address(url: &str, address: &str) -> (String, String) {
    let start = url.find("://").expect("a URL") + 3;
    let end = url[start..]
        .find(['/', '?'])
        .map_or(url.len(), |length| start + length);
    let host = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    assert!(host < end, "the URL names no host: {url}");
    let server = &url[host..end];
    // An IPv6 address is in brackets.
    let has_port = server
        .rfind(':')
        .is_some_and(|colon| !server[colon..].contains(']'));
    let port = if has_port { "" } else { ":5432" };
    (
        format!("{server}{port}"),
        format!("{}{address}{}", &url[..host], &url[end..]),
    )
}

#[cfg(test)]
mod tests {
    use super::with_address;

    #[test]
    fn the_url_keeps_all_but_its_address() {
        for (url, server, through) in [
            ("postgres://me@db:6000/app", "db:6000", "postgres://me@new:1/app"),
            (
                "postgres://me:x@db/app?sslmode=disable",
                "db:5432",
                "postgres://me:x@new:1/app?sslmode=disable",
            ),
            ("postgres://[::1]", "[::1]:5432", "postgres://new:1"),
        ] {
            assert_eq!(
                with_address(url, "new:1"),
                (server.to_owned(), through.to_owned())
            );
        }
    }
}
