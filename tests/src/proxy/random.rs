//! [`Faults`]: random faults.

use std::time::Duration;

use fastrand::Rng;

use super::Fault;

/// Probability of each fault for each message, from 0 to 1. If several faults are drawn, the most severe one happens.
/// Default: 0 for all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// [`Fault::Delay`], of up to `longest_delay`.
    pub delay: f64,
    /// Maximum of a random delay.
    pub longest_delay: Duration,
    /// [`Fault::Split`], in pieces of 1 to 16 bytes.
    pub split: f64,
    /// [`Fault::Cut`].
    pub cut: f64,
    /// [`Fault::Reset`].
    pub reset: f64,
}

impl Faults {
    /// Draws the fault of the next message.
    pub(super) fn draw(&self, random: &mut Rng) -> Option<Fault> {
        if *self == Self::default() {
            return None;
        }
        let mut happens = |probability: f64| random.f64() < probability;
        let (reset, cut) = (happens(self.reset), happens(self.cut));
        let (delay, split) = (happens(self.delay), happens(self.split));
        match () {
            () if reset => Some(Fault::Reset),
            () if cut => Some(Fault::Cut),
            () if delay => Some(Fault::Delay(self.longest_delay.mul_f64(random.f64()))),
            () if split => Some(Fault::Split(random.usize(1..=16))),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, Rng};

    #[test]
    fn the_seed_decides() {
        let faults = Faults {
            split: 0.5,
            cut: 0.1,
            ..Faults::default()
        };
        let draw = |seed| {
            let mut random = Rng::with_seed(seed);
            let drawn = (0..200).map(|_| faults.draw(&mut random));
            drawn.collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).contains(&Some(Fault::Cut)));
        assert!(draw(1).contains(&None));
    }
}
