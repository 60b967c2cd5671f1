//! [`Scheduler`]: assigns connections to requests. It does no input or output and reads no clock.
//!
//! A tenant should come back to the same few connections, where its statements are prepared and its tables are known.
//! So each tenant has two home slots, chosen by rendezvous hashing. A request waits there for a while even if another
//! slot is idle (delay scheduling, <https://doi.org/10.1145/1755913.1755940>).

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

use super::status::WaitHistogram;

/// Shortest wait for a home. Timers of tokio are no finer.
const MIN_HOME_WAIT: Duration = Duration::from_millis(1);

/// Longest wait for a home while another connection is idle.
const MAX_HOME_WAIT: Duration = Duration::from_millis(25);

/// Longest wait for a home if there are more connections than requests. A tenant with slow statements is better served
/// by several connections then.
const MAX_HOME_WAIT_UNCROWDED: Duration = Duration::from_millis(5);

/// The load by which the first home may exceed the second and is chosen still. The shorter of two queues keeps the
/// longest waits short (<https://doi.org/10.1109/71.963420>), and most tenants' statements are prepared twice at the
/// most.
const HEAD_START: usize = 1;

/// Longest use of a slot that counts in the mean.
const MAX_HOLD: Duration = Duration::from_secs(1);

/// A tenant, as the scheduler knows it: a hash of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TenantHash(u64);

impl TenantHash {
    /// The hash of a name. The same in every process and release, so that a restart changes no home.
    pub(crate) fn of(name: &str) -> Self {
        // FNV-1a.
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(hash)
    }

    /// The weight of a slot for this tenant (the finalizer of SplitMix64).
    fn weight(self, slot: usize) -> u64 {
        let mixed = self.0 ^ (slot as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The first and the second home among `slots`: those of the largest weights (rendezvous hashing).
    pub(super) fn homes(self, slots: usize) -> (usize, usize) {
        let (mut first, mut second) = ((0, 0), (0, 0));
        for slot in 0..slots {
            let weight = self.weight(slot);
            if slot == 0 || weight > first.1 {
                second = if slot == 0 { (0, 0) } else { first };
                first = (slot, weight);
            } else if slot == 1 || weight > second.1 {
                second = (slot, weight);
            }
        }
        (first.0, if slots > 1 { second.0 } else { first.0 })
    }
}

/// Place of a waiter in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    slot: usize,
    number: u64,
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// The slot is the caller's until [`Scheduler::release`].
    Granted(usize),
    /// The caller waits at a slot, by [`Scheduler::wait`].
    Queue(usize),
}

/// Slots and their queues. `W` is the handle of a waiter.
#[derive(Debug)]
pub(super) struct Scheduler<W> {
    slots: Vec<Slot<W>>,
    busy: usize,
    waiting: usize,
    last_number: u64,
    /// Exponential mean of the time for which a slot is used.
    hold: Duration,
    figures: Figures,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    pub(super) home_hits: u64,
    pub(super) home_misses: u64,
    pub(super) waits: WaitHistogram,
}

#[derive(Debug)]
struct Slot<W> {
    holder: Option<Holder>,
    /// In the order of arrival.
    queue: VecDeque<Waiter<W>>,
}

#[derive(Debug, Clone, Copy)]
struct Holder {
    key: TenantHash,
    since: Instant,
}

#[derive(Debug)]
struct Waiter<W> {
    number: u64,
    key: TenantHash,
    since: Instant,
    owner: W,
}

impl<W> Slot<W> {
    fn load(&self) -> usize {
        self.queue.len() + usize::from(self.holder.is_some())
    }

    fn is_idle(&self) -> bool {
        self.holder.is_none()
    }
}

impl<W> Scheduler<W> {
    pub(super) fn new(slots: usize) -> Self {
        let slot = || Slot {
            holder: None,
            queue: VecDeque::new(),
        };
        Self {
            slots: std::iter::repeat_with(slot).take(slots.max(1)).collect(),
            busy: 0,
            waiting: 0,
            last_number: 0,
            hold: Duration::ZERO,
            figures: Figures::default(),
        }
    }

    /// Chooses a slot for a request: the first home, the second home if its load is clearly lower, or the slot with the
    /// least load if both homes are busier than twice the mean.
    pub(super) fn request(&mut self, key: TenantHash, now: Instant) -> Placement {
        let slot = self.place(key);
        if !self.slots[slot].is_idle() {
            return Placement::Queue(slot);
        }
        self.figures.waits.add(Duration::ZERO);
        self.grant(slot, key, now);
        Placement::Granted(slot)
    }

    fn place(&self, key: TenantHash) -> usize {
        let (first, second) = key.homes(self.slots.len());
        let load = |slot: usize| self.slots[slot].load();
        let homes = if load(first) > load(second) + HEAD_START {
            [second, first]
        } else {
            [first, second]
        };
        let limit = self.limit();
        let by_load = || (0..self.slots.len()).min_by_key(|slot| load(*slot));
        homes
            .into_iter()
            .find(|home| load(*home) < limit)
            .or_else(by_load)
            .unwrap_or(first)
    }

    /// The load from which a slot takes no more. Measured: at the mean, tenants stray; without a limit, the 99th
    /// percentile was 200 ms.
    fn limit(&self) -> usize {
        2 * (self.busy + self.waiting) / self.slots.len() + 2
    }

    /// Puts the caller into the queue that [`request`](Self::request) returned.
    pub(super) fn wait(&mut self, slot: usize, key: TenantHash, now: Instant, owner: W) -> Ticket {
        self.last_number += 1;
        self.waiting += 1;
        let number = self.last_number;
        self.slots[slot].queue.push_back(Waiter {
            number,
            key,
            since: now,
            owner,
        });
        Ticket { slot, number }
    }

    /// Removes a waiter from its queue. Does nothing if it has its slot already.
    pub(super) fn cancel(&mut self, ticket: Ticket) {
        let queue = &mut self.slots[ticket.slot].queue;
        if let Ok(at) = queue.binary_search_by_key(&ticket.number, |waiter| waiter.number) {
            queue.remove(at);
            self.waiting -= 1;
        }
    }

    /// Frees a slot, and grants it to the waiter that has waited too long, else to the first in its queue.
    #[must_use = "the slot is the waiter's"]
    pub(super) fn release(&mut self, slot: usize, now: Instant) -> Option<(usize, W)> {
        let holder = self.slots[slot].holder.take()?;
        self.busy -= 1;
        let held = now.saturating_duration_since(holder.since).min(MAX_HOLD);
        self.hold = (self.hold * 15 + held) / 16;
        self.fill(slot, now)
    }

    fn fill(&mut self, slot: usize, now: Instant) -> Option<(usize, W)> {
        if self.waiting == 0 {
            return None;
        }
        let queue = self.overdue_queue(slot, now);
        self.grant_next(queue.unwrap_or(slot), slot, now)
    }

    /// Returns the queue whose first waiter has waited the longest, if that is too long. A slot with a queue of its own
    /// serves others only if they would be first in one queue for all.
    fn overdue_queue(&self, slot: usize, now: Instant) -> Option<usize> {
        let home_wait = if self.slots[slot].queue.is_empty() {
            self.home_wait()
        } else {
            self.home_wait().max(self.time_of_a_queue())
        };
        let oldest = self.oldest_queue()?;
        let since = self.slots[oldest].queue.front()?.since;
        (now.saturating_duration_since(since) >= home_wait).then_some(oldest)
    }

    fn oldest_queue(&self) -> Option<usize> {
        let fronts = self.slots.iter().enumerate();
        fronts
            .filter_map(|(slot, queue)| Some((queue.queue.front()?.number, slot)))
            .min()
            .map(|(_, slot)| slot)
    }

    fn grant_next(&mut self, queue: usize, slot: usize, now: Instant) -> Option<(usize, W)> {
        let waiter = self.slots[queue].queue.pop_front()?;
        self.waiting -= 1;
        self.figures
            .waits
            .add(now.saturating_duration_since(waiter.since));
        self.grant(slot, waiter.key, now);
        Some((slot, waiter.owner))
    }

    fn grant(&mut self, slot: usize, key: TenantHash, now: Instant) {
        let (first, second) = key.homes(self.slots.len());
        if slot == first || slot == second {
            self.figures.home_hits += 1;
        } else {
            self.figures.home_misses += 1;
        }
        self.slots[slot].holder = Some(Holder { key, since: now });
        self.busy += 1;
    }

    /// Returns the time after which a waiter takes any idle slot: its home should be free by then.
    pub(super) fn home_wait(&self) -> Duration {
        let is_crowded = self.busy + self.waiting > self.slots.len();
        let max = if is_crowded {
            MAX_HOME_WAIT
        } else {
            MAX_HOME_WAIT_UNCROWDED
        };
        self.time_of_a_queue().clamp(MIN_HOME_WAIT, max)
    }

    /// Returns the time that the longest queue takes.
    fn time_of_a_queue(&self) -> Duration {
        self.hold * u32::try_from(self.limit()).unwrap_or(u32::MAX)
    }

    /// Gives an idle slot to the waiter that has waited longest, if that is too long. A waiter calls it after
    /// [`home_wait`](Self::home_wait), until it gives none.
    #[must_use = "the slot is the waiter's"]
    pub(super) fn expire(&mut self, now: Instant) -> Option<(usize, W)> {
        let idle = self.slots.iter().position(Slot::is_idle)?;
        self.fill(idle, now)
    }

    /// Takes an idle slot, for maintenance.
    pub(super) fn take_idle(&mut self, slot: usize, now: Instant) -> bool {
        if !self.slots[slot].is_idle() {
            return false;
        }
        self.slots[slot].holder = Some(Holder {
            key: TenantHash(0),
            since: now,
        });
        self.busy += 1;
        true
    }

    /// Removes all waiters from the queues.
    pub(super) fn clear(&mut self) -> Vec<W> {
        self.waiting = 0;
        let queues = self.slots.iter_mut().flat_map(|slot| slot.queue.drain(..));
        queues.map(|waiter| waiter.owner).collect()
    }

    pub(super) fn figures(&self) -> Figures {
        self.figures
    }

    /// Returns the number of slots in use, of waiters, and of tenants that use a slot.
    pub(super) fn usage(&self) -> (usize, usize, usize) {
        let holders = self.slots.iter().filter_map(|slot| slot.holder);
        let tenants: HashSet<_> = holders.map(|holder| holder.key).collect();
        (self.busy, self.waiting, tenants.len())
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
