//! [`Rule`]: a fault for one message.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

/// Direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

/// Effect on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The message and all after it are delayed.
    Delay(Duration),
    /// The message and all after it wait for [`Firing::release`].
    Hold,
    /// The message is sent in pieces of this number of bytes.
    Split(usize),
    /// The message is lost, and the connection is closed on both sides (FIN), as when a process ends.
    Cut,
    /// The message is lost, and the connection is reset on both sides (RST).
    Reset,
    /// The message and all after it in its direction are lost. The connection stays open.
    Blackhole,
    /// The message is replaced by a fatal error, as from a pooler that lost its server, and the connection is closed. For
    /// messages to the client.
    Fatal,
}

/// A fault for one message. A rule fires once.
#[derive(Debug)]
pub struct Rule {
    direction: Direction,
    tags: &'static [u8],
    text: &'static str,
    fault: Fault,
    /// Number of matching messages that pass before the rule fires.
    skip: usize,
    firing: Firing,
}

impl Rule {
    /// Matches a simple query or the preparation of a statement whose text contains `text`. A client does not prepare a
    /// cached statement again.
    #[must_use]
    pub fn request(text: &'static str, fault: Fault) -> Self {
        Self::new(Direction::ToServer, b"QP", text, fault)
    }

    /// Matches the completion of a command whose tag contains `text`: `BEGIN`, `COMMIT`, `SELECT 3`, `INSERT 0 1`.
    #[must_use]
    pub fn reply(text: &'static str, fault: Fault) -> Self {
        Self::new(Direction::ToClient, b"C", text, fault)
    }

    /// Matches a message with one of these message-type bytes of the protocol: `Rule::message(ToClient, b"D", ..)`
    /// matches a row.
    #[must_use]
    pub fn message(direction: Direction, tags: &'static [u8], fault: Fault) -> Self {
        Self::new(direction, tags, "", fault)
    }

    /// Matches any message in a direction.
    #[must_use]
    pub fn any(direction: Direction, fault: Fault) -> Self {
        Self::new(direction, b"", "", fault)
    }

    fn new(direction: Direction, tags: &'static [u8], text: &'static str, fault: Fault) -> Self {
        Self {
            direction,
            tags,
            text,
            fault,
            skip: 0,
            firing: Firing::default(),
        }
    }

    /// Fires at the n-th matching message instead of the first, counted from 1.
    ///
    /// # Panics
    /// If `n` is 0.
    #[must_use]
    pub fn nth(self, n: usize) -> Self {
        let skip = n.checked_sub(1).expect("messages are counted from 1");
        Self { skip, ..self }
    }

    pub(super) fn firing(&self) -> Firing {
        self.firing.clone()
    }

    /// Returns the fault if the rule fires at this message. A matching message counts for [`Self::nth`].
    pub(super) fn fires(&mut self, direction: Direction, message: &[u8]) -> Option<(Fault, Firing)> {
        if !self.matches(direction, message) || *self.firing.0.fired.borrow() {
            return None;
        }
        if let Some(rest) = self.skip.checked_sub(1) {
            self.skip = rest;
            return None;
        }
        self.firing.0.fired.send_replace(true);
        Some((self.fault, self.firing()))
    }

    fn matches(&self, direction: Direction, message: &[u8]) -> bool {
        direction == self.direction
            && (self.tags.is_empty() || self.tags.contains(&message[0]))
            && (self.text.is_empty() || contains(message, self.text.as_bytes()))
    }
}

fn contains(message: &[u8], text: &[u8]) -> bool {
    message.windows(text.len()).any(|window| window == text)
}

/// Handle of a rule: waits until the rule fires, and releases a [`Fault::Hold`].
#[derive(Debug, Clone, Default)]
pub struct Firing(Arc<Signals>);

#[derive(Debug, Default)]
struct Signals {
    fired: watch::Sender<bool>,
    released: watch::Sender<bool>,
}

impl Firing {
    /// Waits until the rule fires.
    ///
    /// # Panics
    /// After 30 seconds.
    pub async fn fired(&self) {
        let mut fired = self.0.fired.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(30), fired.wait_for(|fired| *fired)).await;
        assert!(waited.is_ok(), "no message matched the rule");
    }

    /// True if the rule has fired.
    #[must_use]
    pub fn has_fired(&self) -> bool {
        *self.0.fired.borrow()
    }

    /// Releases the held message, or the next one to be held.
    pub fn release(&self) {
        self.0.released.send_replace(true);
    }

    pub(super) async fn released(&self) {
        // The sender is in `self`, so this cannot fail.
        let _ = self.0.released.subscribe().wait_for(|released| *released).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Fault, Rule};

    const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

    #[test]
    fn a_rule_fires_once_at_its_message() {
        let mut rule = Rule::request("COMMIT", Fault::Cut).nth(2);
        let firing = rule.firing();
        assert!(rule.fires(Direction::ToClient, COMMIT).is_none());
        assert!(rule.fires(Direction::ToServer, b"Q\0\0\0\x0aBEGIN\0").is_none());
        assert!(rule.fires(Direction::ToServer, COMMIT).is_none());
        assert!(!firing.has_fired());
        assert!(rule.fires(Direction::ToServer, COMMIT).is_some());
        assert!(firing.has_fired());
        assert!(rule.fires(Direction::ToServer, COMMIT).is_none());
    }
}
