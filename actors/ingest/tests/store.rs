//! The price history on disk: what goes in comes out, or an error says why not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ingest::store::{self, Appended, append_session, history, read_prices, verify, write_prices};
use ingest::{
    Growth, Inspection, Lock, Origin, Provenance, StoreError, manifest_path, read_manifest,
};
use jiff::ToSpan;
use jiff::civil::date;
use messages::{Bars, Date, Symbol, Time, history_sha256};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Noon of 9 January 2024, UTC.
const AT: Time = Time(1_704_801_600_000_000_000);

fn provenance() -> Provenance {
    Provenance {
        source: "test".into(),
        request: "everything".into(),
        at: "2024-01-09T12:00:00Z".into(),
        feed: String::new(),
        adjustment: "split".into(),
        raw_close: "raw_close".into(),
    }
}

fn bars(session: Date, symbols: &[&str], base: f64) -> Bars {
    let mut bars = Bars::empty(session);
    for (index, symbol) in symbols.iter().enumerate() {
        let price = base + index as f64 / 3.0;
        bars.push(
            (*symbol).into(),
            [price, price + 1.0, price - 1.0, price, 1e6 * base, price * 2.0],
        );
    }
    bars
}

type Spoil = fn(&mut Vec<Bars>);

/// Four sessions; B is missing on the second.
fn sample() -> Vec<Bars> {
    vec![
        bars(date(2024, 1, 2), &["A", "B", "BRK.B"], 10.0),
        bars(date(2024, 1, 3), &["A", "BRK.B"], 11.0),
        bars(date(2024, 1, 4), &["A", "B", "BRK.B"], 12.0),
        bars(date(2024, 1, 8), &["A", "B", "BRK.B"], 13.0),
    ]
}

fn stored(history: &[Bars]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("latest/prices.parquet");
    write_prices(&path, history, provenance()).unwrap();
    (folder, path)
}

fn message(result: Result<impl std::fmt::Debug, StoreError>) -> String {
    result.expect_err("must fail").to_string()
}

#[test]
fn what_is_written_is_read_and_the_manifest_describes_it() {
    let (_folder, path) = stored(&sample());
    assert_eq!(read_prices(&path).unwrap(), sample());
    let manifest = read_manifest(&path).unwrap().expect("stands beside it");
    assert_eq!((manifest.rows, manifest.sessions, manifest.symbols), (11, 4, 3));
    assert_eq!(manifest.first_session, Some(date(2024, 1, 2)));
    assert_eq!(manifest.last_session, Some(date(2024, 1, 8)));
    assert_eq!(manifest.content_sha256, history_sha256(&sample()));
    assert_eq!(manifest.origin.provenance, provenance());
    let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 3, "the lock, and no temporary files are left: {names:?}");
}

#[test]
fn without_a_file_the_remedy_is_named() {
    let text = message(read_prices(Path::new("/nowhere/prices.parquet")));
    assert!(text.contains("/nowhere/prices.parquet") && text.contains("aurora fetch"), "{text}");
}

#[test]
fn any_changed_byte_is_noticed() {
    let (_folder, path) = stored(&sample());
    let sound = fs::read(&path).unwrap();
    for at in (0..sound.len()).step_by(sound.len() / 25) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let text = message(read_prices(&path));
        assert!(
            text.contains("prices.parquet") && text.contains("fetch or import again"),
            "{text}"
        );
    }
    fs::write(&path, &sound[..sound.len() / 2]).unwrap();
    assert!(matches!(read_prices(&path), Err(StoreError::Tampered { .. })));
    fs::write(&path, &sound).unwrap();
    assert_eq!(read_prices(&path).unwrap(), sample());
}

#[test]
fn a_changed_row_is_noticed_even_in_a_sound_file() {
    let (_folder, path) = stored(&sample());
    let mut other = sample();
    other[1].close[0] += 0.01;
    let (_elsewhere, forged) = stored(&other);
    fs::copy(forged, &path).unwrap();
    assert!(matches!(read_prices(&path), Err(StoreError::Tampered { .. })));
}

#[test]
fn a_partial_history_stays_partial_whatever_its_manifest_says() {
    let gate = Inspection { expected: 12, got: 11, ..Inspection::default() };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("prices.parquet");
    let origin = Origin { gate: Some(gate), ..provenance().into() };
    write_prices(&path, &sample(), origin).unwrap();
    assert!(matches!(store::trading_prices(&path), Err(StoreError::Partial { .. })));
    assert_eq!(read_prices(&path).unwrap(), sample(), "research may");
    let json = fs::read_to_string(manifest_path(&path)).unwrap();
    let whole = json.replace("\"got\": 11", "\"got\": 12");
    assert_ne!(json, whole);
    fs::write(manifest_path(&path), whole).unwrap();
    let text = message(store::trading_prices(&path));
    assert!(text.contains("prices.manifest.json: edited by hand"), "{text}");
    assert!(matches!(read_prices(&path), Err(StoreError::Edited { .. })));
    fs::remove_file(manifest_path(&path)).unwrap();
    assert!(matches!(store::trading_prices(&path), Err(StoreError::Partial { .. })));
}

#[test]
fn a_broken_file_without_a_manifest_is_an_error_and_no_panic() {
    let (_folder, path) = stored(&sample());
    let sound = fs::read(&path).unwrap();
    fs::remove_file(manifest_path(&path)).unwrap();
    assert_eq!(read_prices(&path).unwrap(), sample(), "a manifest may be absent");
    for length in [0, 3, 8, sound.len() / 2, sound.len() - 1] {
        fs::write(&path, &sound[..length]).unwrap();
        assert!(matches!(read_prices(&path), Err(StoreError::Corrupt { .. })), "{length} bytes");
    }
}

#[test]
fn a_crash_leaves_the_old_history_or_the_new() {
    let (old, mut new) = (sample(), sample());
    new.push(bars(date(2024, 1, 9), &["A", "B", "BRK.B"], 14.0));
    let (_elsewhere, written) = stored(&new);
    let next = |path: &Path| path.with_extension("manifest.next.json");

    // Before anything was renamed: half a temporary file.
    let (_folder, path) = stored(&old);
    fs::write(path.with_extension("parquet.77.tmp"), b"PAR1 half").unwrap();
    assert_eq!(read_prices(&path).unwrap(), old);
    // The next manifest is there, the prices are still the old ones.
    fs::copy(manifest_path(&written), next(&path)).unwrap();
    assert_eq!(read_prices(&path).unwrap(), old);
    // The prices have been renamed, the manifest not yet.
    fs::copy(&written, &path).unwrap();
    assert_eq!(read_prices(&path).unwrap(), new);
    assert_eq!(read_manifest(&path).unwrap().unwrap().sessions, 5);
    // Whoever writes next finishes what was begun.
    let more = bars(date(2024, 1, 10), &["A"], 15.0);
    assert_eq!(append_session(&path, &more, AT).unwrap(), Appended::New);
    assert!(!next(&path).exists());
    assert_eq!(read_prices(&path).unwrap().len(), 6);
}

#[test]
fn appending_twice_is_appending_once() {
    let (_folder, path) = stored(&sample());
    let more = bars(date(2024, 1, 9), &["A", "C"], 14.0);
    assert_eq!(append_session(&path, &more, AT).unwrap(), Appended::New);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(append_session(&path, &more, AT).unwrap(), Appended::AlreadyThere);
    assert_eq!(append_session(&path, &sample()[1], AT).unwrap(), Appended::AlreadyThere);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let manifest = read_manifest(&path).unwrap().unwrap();
    assert_eq!((manifest.sessions, manifest.symbols), (5, 4));
    assert_eq!(manifest.origin.provenance, provenance(), "where it came from stays known");
    let growth = Growth { at: "2024-01-09T12:00:00Z".into(), from: date(2024, 1, 9) };
    assert_eq!(manifest.origin.growths, [growth], "and what came when");
}

#[test]
fn the_past_is_never_overwritten() {
    let (_folder, path) = stored(&sample());
    let before = fs::read(&path).unwrap();
    let mut changed = sample()[3].clone();
    changed.close[1] = 99.0;
    let text = message(append_session(&path, &changed, AT));
    assert!(text.contains("2024-01-08") && text.contains("B close: stored"), "{text}");
    let text = message(append_session(&path, &bars(date(2024, 1, 8), &["A", "B"], 13.0), AT));
    assert!(text.contains("BRK.B is stored and no longer there"), "{text}");
    let text = message(append_session(&path, &bars(date(2024, 1, 5), &["A"], 13.0), AT));
    assert!(text.contains("2024-01-05") && text.contains("2024-01-08"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_no_history_is_not_written() {
    let (_folder, path) = stored(&sample());
    let spoil: [(&str, Spoil); 5] = [
        ("session 2024-01-02 after 2024-01-03", |h| h.swap(0, 1)),
        ("session 2024-01-02 after 2024-01-02", |h| h[1] = h[0].clone()),
        ("session 2024-01-03 has no bars", |h| h[1] = Bars::empty(date(2024, 1, 3))),
        ("BRK.B on 2024-01-03: high is NaN", |h| h[1].high[1] = f64::NAN),
        ("twice the same symbol", |h| h[0].symbols[1] = "A".into()),
    ];
    for (expected, spoil) in spoil {
        let mut history = sample();
        spoil(&mut history);
        let text = message(write_prices(&path, &history, provenance()));
        assert!(text.contains(expected), "{text}");
        assert_eq!(read_prices(&path).unwrap(), sample());
    }
}

#[test]
fn a_reference_stands_for_exactly_its_bars() {
    let all = sample();
    let (reference, part) = history(&all, date(2024, 1, 4), 2).unwrap();
    assert_eq!(part, &all[1..3]);
    assert_eq!(verify(&all, &reference).unwrap(), part);
    assert_eq!(verify(&all[1..], &reference).unwrap(), part, "an older start is no difference");
    let mut restated = all.clone();
    restated[2].volume[0] += 1.0;
    assert!(matches!(verify(&restated, &reference), Err(StoreError::HistoryChanged { .. })));
    assert!(message(history(&all, date(2024, 1, 5), 2)).contains("no bars of 2024-01-05"));
    assert!(message(history(&all, date(2024, 1, 4), 4)).contains("3 sessions up to 2024-01-04, 4"));
    assert!(matches!(verify(&all[..2], &reference), Err(StoreError::NotCovered { .. })));
}

/// Sessions with gaps, symbols that come and go, any finite number.
fn panels() -> impl Strategy<Value = Vec<Bars>> {
    let number = prop_oneof![
        0.0001f64..1e7,
        any::<f32>().prop_map(f64::from).prop_filter("finite", |x| x.is_finite()),
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
    ];
    let row = ("[A-E]{1,3}(\\.B)?", [(); 6].map(|()| number.clone()));
    let day = (1i32..60, vec(row, 1..12));
    vec(day, 1..25).prop_map(|days| {
        let mut session = date(2014, 1, 1);
        let cross_section = |(gap, rows): (i32, Vec<(String, [f64; 6])>)| {
            session = session.checked_add(gap.days()).unwrap();
            let mut bars = Bars::empty(session);
            for (symbol, row) in rows.into_iter().collect::<std::collections::BTreeMap<_, _>>() {
                bars.push(Symbol::from(symbol), row);
            }
            bars
        };
        days.into_iter().map(cross_section).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn writing_then_reading_is_the_identity(history in panels()) {
        let (_folder, path) = stored(&history);
        prop_assert_eq!(read_prices(&path).unwrap(), history);
    }

    #[test]
    fn appending_one_by_one_is_writing_at_once(history in panels(), cuts in btree_set(0usize..25, 1..3)) {
        let first = cuts.into_iter().next().unwrap().min(history.len() - 1) + 1;
        let (_folder, path) = stored(&history[..first]);
        for bars in history[first..].iter().take(4) {
            append_session(&path, bars, AT).unwrap();
        }
        let expected = &history[..history.len().min(first + 4)];
        prop_assert_eq!(read_prices(&path).unwrap(), expected);
        let (_elsewhere, at_once) = stored(expected);
        prop_assert_eq!(fs::read(&path).unwrap(), fs::read(at_once).unwrap());
    }

    #[test]
    fn sessions_are_found(history in panels()) {
        for bars in &history {
            prop_assert_eq!(store::session(&history, bars.session), Some(bars));
        }
    }
}

#[test]
fn writers_take_turns_and_none_destroys_the_store() {
    let (_folder, path) = stored(&sample());
    let more: Vec<Bars> = (9..19).map(|day| bars(date(2024, 1, day), &["A"], 15.0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for bars in &more {
                    append_session(&path, bars, AT).unwrap();
                    read_prices(&path).unwrap();
                }
            });
        }
    });
    assert_eq!(read_prices(&path).unwrap(), [sample(), more].concat());
}

#[test]
fn a_writer_that_goes_on_for_long_is_named() {
    let (_folder, path) = stored(&sample());
    let held = Lock::of(&path).unwrap();
    assert!(Lock::attempt(&path).unwrap().is_none());
    let text = message(Lock::within(&path, std::time::Duration::from_millis(60)));
    assert!(text.contains(".lock: another aurora has been writing"), "{text}");
    drop(held);
    write_prices(&path, &sample()[..3], provenance()).unwrap();
}

#[test]
fn what_killed_writers_left_is_taken_away() {
    let (_folder, path) = stored(&sample());
    let left = path.with_file_name("prices.parquet.77.tmp");
    fs::write(&left, b"half").unwrap();
    write_prices(&path, &sample(), provenance()).unwrap();
    assert!(!left.exists());
}

#[test]
fn prices_universe_and_events_belong_together() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("latest/prices.parquet");
    let universe = |sector: &str| {
        let member = messages::Member { symbol: "A".into(), sector: sector.to_owned() };
        ingest::Universe::new(vec![member], date(2024, 1, 2))
    };
    let source = folder.path().join("mine.csv");
    fs::write(&source, "symbol,kind,from,note\nA,listed,2024-01-02,known\n").unwrap();
    let write = |universe| {
        let lock = Lock::of(&path).unwrap();
        let origin = Origin::from(provenance());
        store::write_together(&lock, &path, &sample(), origin, universe, Some(&source)).unwrap();
    };
    let (old, new) = (universe("Energy"), universe("Utilities"));
    write(&old);
    let stale = fs::read(ingest::universe_path(&path)).unwrap();
    write(&new);
    assert_eq!(ingest::universe_of(&path).unwrap(), new);
    ingest::read_events(&path).unwrap();
    fs::write(ingest::universe_path(&path), stale).unwrap();
    let text = message(ingest::universe_of(&path));
    assert!(text.contains("universe.json: not the file that") && text.contains("--universe"));
    fs::write(ingest::events_path(&path), "symbol,kind,from,note\n").unwrap();
    let text = ingest::read_events(&path).unwrap_err().to_string();
    assert!(text.contains("events.csv: not the file that"), "{text}");
}

#[test]
fn a_damaged_file_is_kept_and_gives_way() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("data/latest/prices.parquet");
    write_prices(&path, &sample(), provenance()).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[500] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = read_prices(&path).unwrap_err();
    assert!(error.is_damage() && error.to_string().contains("--restate REASON"), "{error}");
    let lock = Lock::of(&path).unwrap();
    let (place, restated) =
        ingest::snapshots::keep_damaged(&lock, &path, "bit rot", &error).unwrap();
    drop(lock);
    assert_eq!(restated.replaced_sha256, history_sha256(&sample()));
    write_prices(&path, &sample(), provenance()).unwrap();
    assert_eq!(fs::read(place.join("prices.parquet")).unwrap(), bytes);
    assert_eq!(read_prices(&path).unwrap(), sample());
}
