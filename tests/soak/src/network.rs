//! The faults of the connections behind the proxy.

use std::time::Duration;

use tests::{Fault, Faults, Proxy, Rule};

/// The probabilities for a message. A short operation is about ten messages.
const BY_CHANCE: Faults = Faults {
    delay: 0.004,
    longest_delay: Duration::from_millis(30),
    split: 0.01,
    cut: 0.000_5,
    reset: 0.000_5,
};

/// The time between two faults at a message that is chosen.
const PAUSE: Duration = Duration::from_millis(300);

/// Makes faults until it is dropped: by chance, and at the messages where it hurts.
pub(crate) async fn break_connections(proxy: &Proxy) {
    proxy.set_faults(BY_CHANCE);
    for number in 0.. {
        let fault = if number % 2 == 0 { Fault::Cut } else { Fault::Reset };
        let rule = match number % 7 {
            0 => Rule::request("COMMIT", fault),
            1 => Rule::reply("COMMIT", fault),
            2 => Rule::reply("BEGIN", fault),
            3 => Rule::reply("SAVEPOINT", fault),
            4 => Rule::request("ROLLBACK", fault),
            5 => Rule::reply("INSERT", fault),
            _ => Rule::reply("ROLLBACK", fault),
        };
        let firing = proxy.add(rule);
        tokio::time::sleep(PAUSE).await;
        while !firing.has_fired() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
