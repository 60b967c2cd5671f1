//! [`Rule`]: a fault for one message.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It comes late, and so does what follows it.
    Delay(Duration),
    /// It waits for [`Firing::release`], and so does what follows it.
    Hold,
    /// It comes in pieces of so many bytes.
    Split(usize),
    /// It is lost, and the connection is closed on both sides in the way that a process ends (FIN).
    Cut,
    /// It is lost, and the connection is reset on both sides (RST).
    Reset,
    /// It is lost, and so is all that follows in its direction. The connection stays open.
    Blackhole,
    /// It is lost. The client gets a fatal error instead, as from a pooler that lost its server, and the connection is
    /// closed. For messages to the client.
    Fatal,
}

/// A message, and what is done to it. It fires once.
#[derive(Debug)]
pub struct Rule {
    direction: Direction,
    tags: &'static [u8],
    text: &'static str,
    fault: Fault,
    /// How many messages that match are passed on before.
    skip: usize,
    firing: Firing,
}

impl Rule {
    /// For a simple query or the preparation of a statement whose text contains `text`. A statement that is cached
    /// is not prepared again.
    #[must_use]
    pub fn request(text: &'static str, fault: Fault) -> Self {
        Self::new(Direction::ToServer, b"QP", text, fault)
    }

    /// For the completion of a command, which contains its kind: `BEGIN`, `COMMIT`, `SELECT 3`, `INSERT 0 1`.
    #[must_use]
    pub fn reply(text: &'static str, fault: Fault) -> Self {
        Self::new(Direction::ToClient, b"C", text, fault)
    }

    /// For a message with one of the tags, of the protocol's list of messages: `Rule::message(ToClient, b"D", ..)` is
    /// for a row.
    #[must_use]
    pub fn message(direction: Direction, tags: &'static [u8], fault: Fault) -> Self {
        Self::new(direction, tags, "", fault)
    }

    /// For any message.
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

    /// Fires at the n-th message that matches instead of the first, counted from 1.
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

    /// Whether it fires at this message, which counts if it matches.
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

/// Tells when a rule fires, and ends a [`Fault::Hold`].
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

    /// Whether the rule fired.
    #[must_use]
    pub fn has_fired(&self) -> bool {
        *self.0.fired.borrow()
    }

    /// Lets the message go that is held, or that will be.
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
