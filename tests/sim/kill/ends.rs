//! Every place that can be reached, and what must be true where nothing more happens.

use super::gateways::{Asked, Gateways};
use super::words::{Words, fingerprint};
use super::{Place, Setting, Step};
use crate::day::Day;
use messages::{ActorId, Envelope, KillLevel, Message, MessageId};
use std::collections::{BTreeSet, HashSet};

/// What an exploration came to.
#[derive(Debug)]
struct Explored {
    places: usize,
    ends: usize,
    /// Orders that the venue had at the end where it had most.
    sent: usize,
    /// States of the gateway.
    gateways: usize,
    wrong: Option<String>,
}

/// Looks at every place that can be reached, until something is wrong.
fn explore(day: &Day, level: KillLevel, resumes: bool, crashes: u8) -> Explored {
    let (words, gateways) = (Words::default(), Gateways::new(day, level));
    let mut setting = Setting { day, level, words, gateways };
    let to_say = if resumes { vec![false, true] } else { vec![true] };
    let first = Place::new(&mut setting, to_say, crashes);
    let (mut met, mut waiting) = (HashSet::from([first.identity(&setting)]), vec![first]);
    let (mut ends, mut sent) = (0, 0);
    let (mut compared, mut wrong) = (HashSet::new(), None);
    while let Some(place) = waiting.pop() {
        let steps = place.steps(&setting);
        let is_end = steps.iter().all(|step| matches!(step, Step::Crash(_)));
        ends += usize::from(is_end);
        let mut faults = place.violations.clone();
        faults.extend(place.forgotten(&setting, &mut compared));
        if is_end {
            place.end(&setting, &mut faults);
            sent = sent.max(place.sent(&setting).len());
        }
        if !faults.is_empty() {
            faults.push(place.retold(&setting));
            wrong = Some(faults.join("\n"));
            break;
        }
        for step in steps {
            let next = place.after(step, &mut setting);
            if met.insert(next.identity(&setting)) {
                waiting.push(next);
            }
        }
    }
    Explored { places: met.len(), ends, sent, gateways: setting.gateways.count(), wrong }
}

impl Place {
    /// What a core would say otherwise after a crash; `compared` are those that were looked at.
    fn forgotten(&self, setting: &Setting, compared: &mut HashSet<u128>) -> Vec<String> {
        let mut forgotten = Vec::new();
        for core in &self.cores {
            let state = (core.id().name(), core.state, core.outbox.len());
            if compared.insert(fingerprint(&state)) {
                forgotten.extend(core.after_a_crash(&self.journal, &setting.words).err());
            }
        }
        forgotten
    }

    /// What is wrong at an end: everything was read, and nothing more will come.
    fn end(&self, setting: &Setting, faults: &mut Vec<String>) {
        let entries: Vec<&Envelope> =
            self.journal.iter().map(|word| setting.words.entry(*word)).collect();
        let kills = entries.iter().zip(1..).filter(|(it, _)| matches!(it.body, Message::Kill(_)));
        for (_, position) in kills {
            for id in [ActorId::Risk, ActorId::Execution, ActorId::Broker] {
                let wanted = MessageId::answer(id, position, 0);
                if !entries.iter().any(|entry| entry.id == wanted) {
                    faults.push(format!("{id} never acknowledged the kill at {position}"));
                }
            }
        }
        self.orders(setting, &entries, faults);
    }

    /// Orders that the venue had.
    fn sent<'a>(&self, setting: &'a Setting) -> BTreeSet<&'a Asked> {
        let done = setting.gateways.life(self.gateway.is).done.iter();
        done.filter(|asked| matches!(asked, Asked::Order(_))).collect()
    }

    /// Each approved order went to the venue, once, or was given up; under a kill that cancels none is left there.
    fn orders(&self, setting: &Setting, entries: &[&Envelope], faults: &mut Vec<String>) {
        let done = &setting.gateways.life(self.gateway.is).done;
        let asked = done.iter().filter(|asked| matches!(asked, Asked::Order(_)));
        let sent = self.sent(setting);
        if sent.len() < asked.count() && !self.strayed {
            faults.push("an order was sent twice".to_owned());
        }
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
            done.iter().filter(|asked| matches!(asked, Asked::Cancel(_))).collect();
        let cancelling = self.is_killed() && setting.level > KillLevel::Halt;
        if cancelling && cancels.len() != sent.len() && !self.strayed {
            faults.push(format!("{} orders were sent, {} cancelled", sent.len(), cancels.len()));
        }
    }

    fn retold(&self, setting: &Setting) -> String {
        let lines = self.journal.iter().zip(1..).map(|(word, position)| {
            let entry = setting.words.entry(*word);
            format!("{position} {} {}", entry.id, entry.body)
        });
        let lines: Vec<String> = lines.collect();
        let done = &setting.gateways.life(self.gateway.is).done;
        format!("{}\nthe venue did {done:?}", lines.join("\n"))
    }
}

fn check(level: KillLevel, orders: usize, resumes: bool, crashes: u8) {
    let day = Day::small(orders);
    let started = std::time::Instant::now();
    let Explored { places, ends, sent, gateways, wrong } = explore(&day, level, resumes, crashes);
    println!(
        "{level:?}, {orders} orders, resumes {resumes}, {crashes} crashes: {places} places, {ends} ends, {gateways} \
         states of the gateway, {:?}",
        started.elapsed()
    );
    assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    assert_eq!(sent, orders, "without a kill in time all orders are sent: nothing was looked at");
}

#[test]
fn after_an_acknowledged_kill_no_order_leaves_and_none_stays() {
    check(KillLevel::Cancel, 2, true, 0);
}

/// With a resume as well there are 240,000 places, which take ten seconds: `SIM_EXHAUSTIVE=1`, as `make soak` does.
#[test]
fn whoever_crashes_between_latch_and_act_is_halted_when_it_is_back() {
    let resumes = std::env::var_os("SIM_EXHAUSTIVE").is_some();
    check(KillLevel::Cancel, 2, resumes, 1);
}
