//! What an actor is doing, for operators: kept up to date by its thread, answered from another.

use messages::{ActorId, Date};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The answer on `Subjects::status(actor)`, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorStatus {
    pub actor: ActorId,
    pub instance: String,
    pub pid: u32,
    pub host: String,
    pub state: ActorState,
    /// The session it works on, or worked on last.
    pub session: Option<Date>,
    /// What it says it is at, where that takes a while: `folds 120/840`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doing: Option<String>,
    /// Journal position it has handled last.
    pub position: u64,
    /// Position of the newest entry it knows of.
    pub last: u64,
    pub lag: u64,
    /// Entries handled, messages published, dead letters written since the process began.
    pub handled: u64,
    pub published: u64,
    pub dead_letters: u64,
    /// Time from having read an entry to having its answers queued, microseconds.
    pub p50_us: u64,
    pub p99_us: u64,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorState {
    /// Setting up, or between two attempts.
    Starting,
    /// Reading what the journal held when it started.
    Replaying,
    Running,
    /// For a session to open.
    Waiting,
    /// It has ended for good; the process says why.
    Failed,
}

impl ActorStatus {
    /// Whether closing `session` now would cut this actor short.
    pub(crate) fn is_busy_with(&self, session: Date) -> bool {
        match self.state {
            ActorState::Starting => true,
            ActorState::Replaying | ActorState::Running => self.session == Some(session),
            ActorState::Waiting | ActorState::Failed => false,
        }
    }
}

/// What an actor is at, for whoever asks for its status; said from any thread, kept nowhere.
#[derive(Clone, Debug, Default)]
pub struct Activity(Arc<Mutex<Option<String>>>);

impl Activity {
    /// `None`: nothing worth telling.
    pub fn set(&self, doing: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = doing;
    }

    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who an actor is to others, and its counters.
pub(crate) struct StatusCell {
    pub(crate) actor: ActorId,
    pub(crate) host: String,
    pub(crate) handled: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    pub(crate) position: AtomicU64,
    pub(crate) last: AtomicU64,
    pub(crate) activity: Activity,
    latency: Histogram,
    phase: Mutex<Phase>,
}

struct Phase {
    instance: String,
    state: ActorState,
    session: Option<Date>,
}

impl StatusCell {
    pub(crate) fn new(actor: ActorId, instance: String) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            actor,
            host: host(),
            handled: zero(),
            published: zero(),
            dead_letters: zero(),
            position: zero(),
            last: zero(),
            activity: Activity::default(),
            latency: Histogram::default(),
            phase: Mutex::new(Phase { instance, state: ActorState::Starting, session: None }),
        }
    }

    pub(crate) fn enter(&self, state: ActorState, session: Option<Date>) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        phase.state = state;
        phase.session = session.or(phase.session);
    }

    pub(crate) fn begin_instance(&self, instance: &str) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        instance.clone_into(&mut phase.instance);
    }

    pub(crate) fn took(&self, elapsed: Duration) {
        self.latency.record(elapsed.as_micros() as u64);
    }

    pub(crate) fn read(&self) -> ActorStatus {
        let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let position = self.position.load(Relaxed);
        let last = self.last.load(Relaxed).max(position);
        ActorStatus {
            actor: self.actor,
            instance: phase.instance.clone(),
            pid: std::process::id(),
            host: self.host.clone(),
            state: phase.state,
            session: phase.session,
            doing: self.activity.get(),
            position,
            last,
            lag: last - position,
            handled: self.handled.load(Relaxed),
            published: self.published.load(Relaxed),
            dead_letters: self.dead_letters.load(Relaxed),
            p50_us: self.latency.quantile(0.50),
            p99_us: self.latency.quantile(0.99),
        }
    }
}

fn host() -> String {
    let name = std::fs::read_to_string("/etc/hostname").or_else(|_| std::env::var("HOSTNAME"));
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// Counts by size: four buckets for each power of two, so a quantile is right to a fifth.
struct Histogram([AtomicU64; 160]);

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Histogram {
    fn record(&self, value: u64) {
        self.0[bucket(value)].fetch_add(1, Relaxed);
    }

    /// Upper bound of the bucket that holds the quantile; 0 without any record.
    fn quantile(&self, share: f64) -> u64 {
        let counts: Vec<u64> = self.0.iter().map(|count| count.load(Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let wanted = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return upper(index);
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    if value < 4 {
        return value as usize;
    }
    let power = 63 - value.leading_zeros() as usize;
    let quarter = (value >> (power - 2)) as usize & 3;
    ((power - 1) * 4 + quarter).min(159)
}

fn upper(index: usize) -> u64 {
    if index < 4 {
        return index as u64;
    }
    let (power, quarter) = (index / 4 + 1, index as u64 % 4);
    ((4 + quarter + 1) << (power - 2)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for value in (0..5_000).chain([1 << 20, (1 << 30) + 12_345]) {
            let index = bucket(value);
            assert!(value <= upper(index), "{value} above bucket {index}");
            assert!(index == 0 || value > upper(index - 1), "{value} below bucket {index}");
        }
    }

    #[test]
    fn quantiles_are_right_to_a_fifth() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), 0);
        (1..=1_000).for_each(|value| histogram.record(value));
        let (p50, p99) = (histogram.quantile(0.5) as f64, histogram.quantile(0.99) as f64);
        assert!((500.0..=600.0).contains(&p50), "{p50}");
        assert!((990.0..=1_188.0).contains(&p99), "{p99}");
    }
}
