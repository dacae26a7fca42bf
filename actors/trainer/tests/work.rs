//! What a session costs, counted in memory asked for and never in time: PRIOR_ART.md §9, number 42. There, members and
//! sectors were held against each other pair by pair, and dates and symbols gone through in nested loops.

use features::{Builder, Spell, Universe};
use messages::{Bars, Date, Symbol};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use trainer::{Dataset, Members, Panel, Watch};

/// The system's allocator, which counts per thread, so that tests side by side don't count each other.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "there is no other way to count what is allocated")]
// SAFETY: the system's allocator does the work, with the same arguments; counters of a thread allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
        let _ = HELD.try_with(|held| held.set(held.get() + layout.size() as i64));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let _ = HELD.try_with(|held| held.set(held.get() - layout.size() as i64));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn asked() -> u64 {
    ASKED.with(Cell::get)
}

fn held() -> i64 {
    HELD.with(Cell::get)
}

const NAMES: usize = 40;

fn symbol(name: usize) -> Symbol {
    Symbol::from(format!("S{name:02}"))
}

fn day(session: usize) -> Date {
    let after = std::time::Duration::from_secs(86_400 * session as u64);
    Date::constant(2012, 1, 2).checked_add(after).expect("in this century")
}

/// Prices that go up and down, each name's in its own way.
fn bars(session: usize) -> Bars {
    let mut bars = Bars::empty(day(session));
    for name in 0..NAMES {
        let at = |t: usize| {
            let (t, name) = (t as f64, name as f64);
            50.0 * (0.2 * (t * (0.11 + 0.013 * name)).sin() + 0.1 * (t * 1.7 + name).cos()).exp()
        };
        let (open, close) = (at(session), at(session + 1));
        let volume = 2e6 + ((session * 37 + name * 101) % 1_000) as f64 * 1e3;
        let row = [open, open.max(close) * 1.01, open.min(close) * 0.99, close, volume, close];
        bars.push(symbol(name), row);
    }
    bars
}

/// Everybody from the first day on; every hundredth session the sectors are others.
fn universe(sessions: usize) -> Universe {
    let always = Spell { from: day(0), until: None };
    let snapshot = |session: usize| -> BTreeMap<Symbol, String> {
        let sector = |name: usize| format!("Sector {}", (name + session / 100) % 4);
        (0..NAMES).map(|name| (symbol(name), sector(name))).collect()
    };
    let spells = (0..NAMES).map(|name| (symbol(name), always));
    let snapshots = (0..sessions).step_by(100).map(|at| (day(at), snapshot(at))).collect();
    Universe::dated(spells, snapshots).expect("sound")
}

/// Once its windows are full, nothing is kept of a session but by forgetting another one, and each asks for as much
/// memory as any other: what does not grow can't be gone through in ever longer loops.
#[test]
fn prior_art_42_a_session_costs_the_same_however_many_came_before() {
    let sessions = 1_100;
    let history: Vec<Bars> = (0..sessions).map(bars).collect();
    let mut builder = Builder::of(universe(1));
    let (mut before, mut costs) = (0, Vec::with_capacity(sessions));
    for (index, bars) in history.iter().enumerate() {
        if index == 400 {
            before = held();
        }
        let asked_before = asked();
        drop(builder.cross_section(bars));
        costs.push(asked() - asked_before);
    }
    let after = held();
    assert_eq!(after, before, "of seven hundred sessions nothing is left over");
    let mean = |costs: &[u64]| costs.iter().sum::<u64>() as f64 / costs.len() as f64;
    let (early, late) = (mean(&costs[400..500]), mean(&costs[1_000..]));
    assert!(early > 0.0 && (late - early).abs() <= 0.02 * early, "{early} and {late} allocations");
}

/// A panel of as many sessions more, with as many snapshots of sectors more, costs as much more each time.
#[test]
fn prior_art_42_a_panel_costs_in_proportion_to_its_sessions() {
    let cost = |sessions: usize| {
        let history: Vec<Bars> = (0..sessions).map(bars).collect();
        let universe = universe(sessions);
        let data = Dataset {
            history: &history,
            members: Members::Dated(&universe),
            dividends: None,
            restated: None,
        };
        let quiet = |_| ControlFlow::Continue(());
        let before = asked();
        let panel = Panel::build(data, 5, Watch::new(&quiet)).expect("a panel");
        assert!(panel.days.len() > sessions - 400, "{} days", panel.days.len());
        asked() - before
    };
    // All of them longer than what the last year's features are compared on.
    let costs = [600, 900, 1_200].map(cost);
    let (first, second) = ((costs[1] - costs[0]) as f64, (costs[2] - costs[1]) as f64);
    assert!((second / first - 1.0).abs() < 0.1, "three hundred more: {first}, and again: {second}");
}
