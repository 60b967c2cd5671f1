//! Properties of the scheduler, under any order of requests, releases, cancellations and times.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{MAX_HOME_WAIT, Placement, Scheduler, TenantHash, Ticket};

#[derive(Debug, Clone, Copy)]
enum Step {
    Request(u8),
    Release(usize),
    Cancel(usize),
    Sleep(u64),
    Expire,
    Upkeep(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => any::<u8>().prop_map(Step::Request),
        4 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Cancel),
        2 => (0..20_000_u64).prop_map(Step::Sleep),
        1 => Just(Step::Expire),
        1 => any::<usize>().prop_map(Step::Upkeep),
    ]
}

/// A model of the scheduler, kept by other means.
struct Model {
    scheduler: Scheduler<u64>,
    slots: usize,
    now: Instant,
    next: u64,
    held: BTreeSet<usize>,
    waiting: BTreeMap<u64, (Ticket, Instant)>,
}

impl Model {
    fn new(slots: usize) -> Self {
        Self {
            scheduler: Scheduler::new(slots),
            slots,
            now: Instant::now(),
            next: 0,
            held: BTreeSet::new(),
            waiting: BTreeMap::new(),
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Request(tenant) => self.request(tenant),
            Step::Release(at) => self.release(at),
            Step::Cancel(at) => {
                if let Some(id) = pick(self.waiting.keys(), at) {
                    let (ticket, _) = self.waiting.remove(&id).unwrap();
                    self.scheduler.cancel(ticket);
                }
            }
            Step::Sleep(micros) => self.now += Duration::from_micros(micros),
            Step::Expire => self.expire(),
            Step::Upkeep(at) => {
                let slot = at % self.slots;
                if self.scheduler.take_idle(slot, self.now) {
                    assert!(self.held.insert(slot), "given twice");
                }
            }
        }
        self.check();
    }

    fn request(&mut self, tenant: u8) {
        let key = TenantHash::of(&tenant.to_string());
        match self.scheduler.request(key, self.now) {
            Placement::Granted(slot) => assert!(self.held.insert(slot), "given twice"),
            Placement::Queue(slot) => {
                self.next += 1;
                let ticket = self.scheduler.wait(slot, key, self.now, self.next);
                self.waiting.insert(self.next, (ticket, self.now));
            }
        }
    }

    fn release(&mut self, at: usize) {
        let Some(slot) = pick(self.held.iter(), at) else {
            return;
        };
        self.held.remove(&slot);
        if let Some((given, waiter)) = self.scheduler.release(slot, self.now) {
            assert_eq!(given, slot);
            self.given(given, waiter);
        }
    }

    fn expire(&mut self) {
        while let Some((slot, waiter)) = self.scheduler.expire(self.now) {
            let oldest = *self.waiting.keys().next().unwrap();
            assert_eq!(waiter, oldest, "out of turn");
            self.given(slot, waiter);
        }
    }

    fn given(&mut self, slot: usize, waiter: u64) {
        assert!(self.held.insert(slot), "given twice");
        assert!(self.waiting.remove(&waiter).is_some(), "given to nobody");
    }

    fn check(&self) {
        let (busy, waiting, tenants) = self.scheduler.usage();
        assert_eq!((busy, waiting), (self.held.len(), self.waiting.len()));
        assert!(tenants <= busy);
        for (number, slot) in self.scheduler.slots.iter().enumerate() {
            assert_eq!(slot.holder.is_some(), self.held.contains(&number));
            assert!(
                slot.holder.is_some() || slot.queue.is_empty(),
                "waits at an idle slot"
            );
        }
    }

    /// Everybody who uses a slot gives it back, until nobody is left.
    fn drain(&mut self) {
        for _ in 0..10_000 {
            self.now += Duration::from_millis(1);
            self.release(0);
            self.expire();
            self.check();
            if self.held.is_empty() {
                break;
            }
        }
    }
}

fn pick<'a, T: Copy + 'a>(mut from: impl ExactSizeIterator<Item = &'a T>, at: usize) -> Option<T> {
    match from.len() {
        0 => None,
        length => from.nth(at % length).copied(),
    }
}

proptest! {
    #[test]
    fn no_slot_is_given_twice_and_no_waiter_lost(
        slots in 1..10_usize,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut model = Model::new(slots);
        for step in steps {
            model.apply(step);
        }
        model.drain();
        prop_assert!(model.waiting.is_empty(), "{} wait for ever", model.waiting.len());
        prop_assert_eq!(model.scheduler.usage(), (0, 0, 0));
    }

    #[test]
    fn no_slot_is_idle_while_somebody_waits_past_the_bound(
        slots in 1..10_usize,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut model = Model::new(slots);
        for step in steps {
            model.apply(step);
            model.expire();
            let has_idle = model.held.len() < slots;
            let overdue = model.waiting.values().any(|(_, since)| model.now - *since >= MAX_HOME_WAIT);
            prop_assert!(!(has_idle && overdue));
        }
    }

    #[test]
    fn a_waiter_is_overtaken_for_a_bounded_time(
        slots in 1..6_usize,
        tenants in prop::collection::vec(any::<u8>(), 40),
    ) {
        // Every slot is used for 1 ms at a time, and each that ends is followed by a new request.
        let mut model = Model::new(slots);
        tenants.iter().for_each(|tenant| model.apply(Step::Request(*tenant)));
        let waiting = model.waiting.len();
        let first = model.waiting.keys().next().copied();
        // A fair queue would serve them within waiting / slots rounds; homes may take longer, by the limit of a queue.
        let rounds = 4 * (waiting / slots + 2) + 16;
        for round in 0..rounds {
            model.now += Duration::from_millis(1);
            for slot in model.held.clone() {
                model.held.remove(&slot);
                if let Some((given, waiter)) = model.scheduler.release(slot, model.now) {
                    model.given(given, waiter);
                }
                model.request(tenants[(round + slot) % tenants.len()]);
            }
            model.expire();
            model.check();
        }
        if let Some(first) = first {
            prop_assert!(!model.waiting.contains_key(&first), "waits for {rounds} rounds");
        }
    }

    #[test]
    fn one_slot_more_moves_only_those_whose_home_it_is(slots in 1..40_usize, seed in any::<u32>()) {
        let keys = (0..1000).map(|tenant| TenantHash::of(&format!("{seed}_{tenant}")));
        let mut moved = 0;
        for key in keys {
            let (before, after) = (key.homes(slots), key.homes(slots + 1));
            if before.0 != after.0 {
                prop_assert_eq!(after.0, slots, "moved to a slot that was there");
                moved += 1;
            }
            if slots > 1 {
                prop_assert_ne!(before.0, before.1);
            }
        }
        let expected = 1000 / (slots + 1);
        prop_assert!(moved < 2 * expected + 30, "{moved} of 1000 moved to one of {}", slots + 1);
    }
}

#[test]
fn homes_are_spread_evenly() {
    let mut counts = [0; 8];
    for tenant in 0..8000 {
        counts[TenantHash::of(&format!("tenant_{tenant}")).homes(8).0] += 1;
    }
    assert!(
        counts.iter().all(|count| (800..1200).contains(count)),
        "{counts:?}"
    );
}

/// Two tenants, and the home of the first, which is none of the second's.
fn strangers(slots: usize) -> (TenantHash, TenantHash, usize) {
    let first = TenantHash::of("first");
    let home = first.homes(slots).0;
    let other = (0..100).map(|number| TenantHash::of(&format!("other_{number}")));
    let is_elsewhere = |key: &TenantHash| {
        let (first, second) = key.homes(slots);
        first != home && second != home
    };
    let other = other.into_iter().find(is_elsewhere).unwrap();
    (first, other, home)
}

#[test]
fn a_freed_slot_goes_to_the_waiter_that_calls_it_home() {
    let mut scheduler = Scheduler::new(4);
    let (first, other, home) = strangers(4);
    let now = Instant::now();
    assert_eq!(scheduler.request(first, now), Placement::Granted(home));
    let Placement::Granted(away) = scheduler.request(other, now) else {
        panic!("the home was idle")
    };
    // The other waits longer, at its own home.
    assert_eq!(scheduler.request(other, now), Placement::Queue(away));
    scheduler.wait(away, other, now, "other");
    assert_eq!(scheduler.request(first, now), Placement::Queue(home));
    scheduler.wait(home, first, now, "first");
    assert_eq!(scheduler.release(home, now), Some((home, "first")));
    assert_eq!(scheduler.release(home, now), None);
    // Past its home_wait, it takes any.
    assert_eq!(scheduler.expire(now), None);
    let later = now + MAX_HOME_WAIT;
    assert_eq!(scheduler.expire(later).map(|(_, waiter)| waiter), Some("other"));
    assert_eq!(scheduler.figures().home_misses, 1);
}

#[test]
fn a_busier_home_sends_tenants_to_the_second_and_two_crowded_ones_to_any() {
    let mut scheduler = Scheduler::new(8);
    let key = TenantHash::of("crowded");
    let now = Instant::now();
    let (first, second) = key.homes(8);
    let mut places = Vec::new();
    for number in 0..40 {
        let slot = match scheduler.request(key, now) {
            Placement::Granted(slot) => slot,
            Placement::Queue(slot) => {
                scheduler.wait(slot, key, now, number);
                slot
            }
        };
        places.push(slot);
    }
    assert_eq!(places[..2], [first, first]);
    let mut used = Vec::new();
    for slot in &places {
        if !used.contains(slot) {
            used.push(*slot);
        }
    }
    assert_eq!(used[..2], [first, second], "{places:?}");
    assert_eq!(used.len(), 8, "{places:?}");
}
