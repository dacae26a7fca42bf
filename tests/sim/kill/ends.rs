//! Every place that can be reached, and what must be true where nothing more happens.

use super::{Actors, Asked, Place};
use crate::day::Day;
use messages::{ActorId, Envelope, KillLevel, Message, MessageId};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Looks at every place that can be reached; returns how many there are, how many of them are ends, and what is wrong.
fn explore(day: &Day, level: KillLevel, resumes: bool, crashes: u8) -> (usize, usize, Vec<String>) {
    let mut actors = Actors {
        day,
        words: Vec::new(),
        numbers: BTreeMap::new(),
        answers: BTreeMap::new(),
        lives: BTreeMap::new(),
        level,
    };
    let to_say = if resumes { vec![false, true] } else { vec![true] };
    let first = Place { crashes, to_say, ..Place::new(&mut actors) };
    let (mut met, mut waiting) = (HashSet::from([first.clone()]), vec![first]);
    let (mut ends, mut wrong) = (0, Vec::new());
    while let Some(place) = waiting.pop() {
        let next = place.next(&mut actors);
        if next.is_empty() || next.iter().all(|next| next.crashes < place.crashes) {
            ends += 1;
            wrong.extend(place.faults(&actors));
        }
        if wrong.len() > 5 {
            break;
        }
        for place in next {
            if met.insert(place.clone()) {
                waiting.push(place);
            }
        }
    }
    (met.len(), ends, wrong)
}

impl Place {
    /// What is wrong at an end: everything was read, and nothing more will come.
    fn faults(&self, actors: &Actors) -> Vec<String> {
        let mut faults = self.violations.clone();
        let entries: Vec<&Envelope> = self.journal.iter().map(|word| actors.entry(*word)).collect();
        let mut halted: BTreeSet<ActorId> = BTreeSet::new();
        for (entry, position) in entries.iter().zip(1..) {
            match &entry.body {
                Message::KillAcknowledged(_) => drop(halted.insert(entry.id.author)),
                Message::Resume(_) => halted.clear(),
                Message::SubmitOrder(_) | Message::OrderApproved(_)
                    if halted.contains(&entry.id.author) =>
                {
                    faults.push(format!(
                        "{} came after its author had acknowledged a kill",
                        entry.id
                    ));
                }
                Message::Kill(_) => {
                    let acknowledges = |id: ActorId| {
                        let wanted = MessageId::answer(id, position, 0);
                        entries.iter().any(|entry| entry.id == wanted)
                    };
                    for id in [ActorId::Risk, ActorId::Execution, ActorId::Broker] {
                        if !acknowledges(id) {
                            faults.push(format!("{id} never acknowledged the kill at {position}"));
                        }
                    }
                }
                _ => {}
            }
        }
        self.orders(actors, &entries, &mut faults);
        if !faults.is_empty() {
            faults.push(self.tell(actors));
        }
        faults
    }

    /// Each approved order went to the venue or was given up; under a kill that cancels none is left there.
    fn orders(&self, actors: &Actors, entries: &[&Envelope], faults: &mut Vec<String>) {
        let sent: BTreeSet<&Asked> =
            self.done.iter().filter(|asked| matches!(asked, Asked::Order(_))).collect();
        for entry in entries {
            let Message::OrderApproved(order) = &entry.body else { continue };
            let id = &order.client_order_id;
            let was_sent = sent.contains(&Asked::Order(id.clone()));
            let given_up = entries.iter().any(|entry| {
                matches!(&entry.body, Message::OrderUpdated(updated)
                    if updated.client_order_id == *id && updated.venue_order_id.is_empty())
            });
            if was_sent == given_up && !self.strayed {
                faults.push(format!("{id}: sent {was_sent}, given up {given_up}"));
            }
        }
        let cancels: BTreeSet<&Asked> =
            self.done.iter().filter(|asked| matches!(asked, Asked::Cancel(_))).collect();
        let cancelling = self.is_killed() && actors.level > KillLevel::Halt;
        if cancelling && cancels.len() != sent.len() && !self.strayed {
            faults.push(format!("{} orders were sent, {} cancelled", sent.len(), cancels.len()));
        }
    }

    fn tell(&self, actors: &Actors) -> String {
        let lines = self.journal.iter().zip(1..).map(|(word, position)| {
            let entry = actors.entry(*word);
            format!("{position} {} {}", entry.id, entry.body)
        });
        let lines: Vec<String> = lines.collect();
        format!("{}\nthe venue did {:?}", lines.join("\n"), self.done)
    }
}

fn check(level: KillLevel, orders: usize, resumes: bool, crashes: u8) {
    let day = Day::small(orders);
    let started = std::time::Instant::now();
    let (places, ends, wrong) = explore(&day, level, resumes, crashes);
    let took = started.elapsed();
    println!(
        "{level:?}, {orders} orders, {crashes} crashes: {places} places, {ends} ends, {took:?}"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ends > 10, "nothing was looked at");
}

#[test]
fn after_an_acknowledged_kill_no_order_leaves_and_none_stays() {
    check(KillLevel::Cancel, 2, true, 0);
}

/// With two orders and a resume there are millions of places: that takes long: `SIM_EXHAUSTIVE=1`.
#[test]
fn whoever_crashes_between_latch_and_act_is_halted_when_it_is_back() {
    let all = std::env::var_os("SIM_EXHAUSTIVE").is_some();
    check(KillLevel::Cancel, if all { 2 } else { 1 }, all, 1);
}
