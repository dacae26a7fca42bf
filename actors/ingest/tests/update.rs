//! From what is stored to what the source has, and back to what was known on a day.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use ingest::events::{Event, Kind};
use ingest::store::{self, StoreError, append_session, read_prices, trading_prices, write_prices};
use ingest::update::{OVERLAP, Updated, Wanted, differences, differences_csv, update};
use ingest::{Events, Inspection, Lock, Origin, read_manifest, snapshots};
use jiff::civil::date;
use messages::{Bars, Date, Member, Time};
use std::path::{Path, PathBuf};
use support::{
    Answer, Server, expected, members, options, page, provenance, serve, sessions, sound, symbols,
};
use tempfile::TempDir;

async fn updated(
    server: &Server,
    members: &[Member],
    stored: &[Bars],
    days: &[Date],
) -> Result<Updated, String> {
    updated_with(server, members, stored, days, &Events::default()).await
}

async fn updated_with(
    server: &Server,
    members: &[Member],
    stored: &[Bars],
    days: &[Date],
    events: &Events,
) -> Result<Updated, String> {
    let (from, through) = (days[0], days[days.len() - 1]);
    let wanted = Wanted { stored, ..Wanted::new(members, from, through) };
    let result = update(&server.client, &wanted, days, events, &options()).await;
    result.map_err(|error| error.chain())
}

/// As [`sound`], but that it has no bars of one name.
async fn sound_but(days: Vec<Date>, symbol: &'static str) -> Server {
    let answer = move |_, asked: &support::Asked| {
        let mut rows = page(asked, &days, 100);
        rows.bars.retain(|(name, _)| name != symbol);
        Answer::ok(rows.json())
    };
    serve(answer).await
}

/// Somebody said that the third name was halted on `day`.
fn halted(day: Date) -> Events {
    let (symbol, note) = ("S002".into(), "news pending".to_owned());
    let event = Event { symbol, kind: Kind::Halt, from: day, through: day, note, amount: None };
    Events::new(vec![event])
}

#[tokio::test]
async fn prior_art_42_only_what_is_new_is_asked_for_plus_an_overlap() {
    let days = sessions();
    let server = sound(days.clone()).await;
    let whole = expected(&symbols(3), &days);
    let now = updated(&server, &members(3), &whole[..8], &days).await.unwrap();
    assert_eq!(now.history, whole);
    assert_eq!((now.new, now.grown, now.overlap), (6, true, Some(OVERLAP as u32)));
    assert!(now.inspection.is_complete(), "{}", now.inspection);
    // 3 symbols × (5 stored + 2 new) sessions in pages of 7, adjusted and raw; all from the seam on.
    assert_eq!(server.requests(), 3 * 2);
    let seam = support::midnight(days[8 - OVERLAP]);
    assert!(server.asked.lock().unwrap().iter().all(|asked| asked["start"] == seam));
    let again = updated(&server, &members(3), &whole, &days).await.unwrap();
    assert_eq!((again.new, &again.history, again.overlap), (0, &whole, Some(OVERLAP as u32)));
    // 3 symbols × 5 sessions in pages of 7, adjusted and raw.
    assert_eq!(server.requests(), 6 + 3 * 2, "the overlap, and nothing else");
    let mut corrected = whole.clone();
    corrected[9].close[0] += 0.01;
    let text = updated(&server, &members(3), &corrected, &days).await.unwrap_err();
    assert!(
        text.contains("PAST_CHANGED: 1 stored numbers")
            && text.contains("S000 on 2024-03-15: close"),
        "{text}"
    );
}

/// The universe had two members for a while: the third one's last session is not the others'.
#[tokio::test]
async fn every_name_goes_on_from_its_own_last_session() {
    let days = sessions();
    let server = sound(days.clone()).await;
    let whole = expected(&symbols(3), &days);
    let mut stored = whole[..8].to_vec();
    stored[6..].clone_from_slice(&expected(&symbols(2), &days[6..8]));
    let now = updated(&server, &members(3), &stored, &days).await.unwrap();
    assert_eq!(now.history, whole);
    assert_eq!((now.new, now.filled, now.grown), (2 + 6, 0, false));
    assert_eq!(now.overlap, Some(OVERLAP as u32), "the sessions that were asked for of everybody");
    for asked in server.asked.lock().unwrap().iter() {
        let seam = if asked["symbols"] == "S002" { 6 - OVERLAP } else { 8 - OVERLAP };
        assert_eq!(asked["start"], support::midnight(days[seam]), "{asked:?}");
    }
    // Its own past is compared all the same, and the volume of its own last evening has grown.
    stored[5].volume[2] -= 10.0;
    let now = updated(&server, &members(3), &stored, &days).await.unwrap();
    assert_eq!(now.history, whole);
    stored[4].close[2] = 17.0;
    let text = updated(&server, &members(3), &stored, &days).await.unwrap_err();
    assert!(
        text.contains("PAST_CHANGED: 1 stored numbers") && text.contains("S002 on 2024-03-08"),
        "{text}"
    );
    // Likewise of a start that is earlier for some.
    let mut stored = whole.clone();
    stored[..4].clone_from_slice(&expected(&symbols(2), &days[..4]));
    let now = updated(&server, &members(3), &stored, &days).await.unwrap();
    assert_eq!((now.history, now.new, now.filled), (whole, 4, 0));
}

#[tokio::test]
async fn new_members_and_an_earlier_start_are_fetched_whole() {
    let days = sessions();
    let server = sound(days.clone()).await;
    let whole = expected(&symbols(3), &days);
    let stored = expected(&symbols(2), &days[..8]);
    let now = updated(&server, &members(3), &stored, &days).await.unwrap();
    assert_eq!((now.history, now.new, now.grown), (whole.clone(), 8 + 6, false));
    let now = updated(&server, &members(3), &whole[6..], &days).await.unwrap();
    assert_eq!((now.history, now.new, now.grown), (whole, 18, false));
}

#[tokio::test]
async fn prior_art_29_a_changed_past_is_never_overwritten_in_silence() {
    let days = sessions();
    let server = sound(days.clone()).await;
    let whole = expected(&symbols(3), &days);
    let mut stored = whole[..8].to_vec();
    stored[5].close[1] = 17.0;
    let text = updated(&server, &members(3), &stored, &days).await.unwrap_err();
    assert!(text.starts_with("PAST_CHANGED: 1 stored numbers"), "{text}");
    assert!(text.contains("S001 on 2024-03-11: close stored 17, now "), "{text}");
    assert!(text.contains("--restate REASON"), "{text}");
    // A bar that is gone or new within the overlap is a changed past as well.
    let mut fewer = whole[..8].to_vec();
    fewer[6] = expected(&symbols(3)[..2], &days)[6].clone();
    let halt = halted(days[6]);
    let text = updated_with(&server, &members(3), &fewer, &days, &halt).await.unwrap_err();
    assert!(text.contains("S002 on 2024-03-12: open stored absent, now "), "{text}");
    let now = updated(&server, &members(3), &fewer, &days).await.unwrap();
    assert_eq!(
        (&now.history, now.filled),
        (&whole, 1),
        "nobody said so: a hole, which goes on record"
    );
    let mut more = whole[..8].to_vec();
    let [row, raw] = [false, true].map(|raw| support::row("S003", days[6], raw));
    more[6].push("S003".into(), [row[0], row[1], row[2], row[3], row[4], raw[3]]);
    let gone = sound_but(days.clone(), "S003").await;
    let text = updated(&gone, &members(4), &more, &days).await.unwrap_err();
    assert!(
        text.contains("S003 on 2024-03-12: open stored ") && text.contains("now absent"),
        "{text}"
    );
    // The volume of the last stored evening grows until morning.
    let mut evening = whole[..8].to_vec();
    evening[7].volume[0] -= 10.0;
    let now = updated(&server, &members(3), &evening, &days).await.unwrap();
    assert_eq!((now.new, now.volumes), (6, Some((days[7], 1))));
    assert_eq!(
        now.history, whole,
        "the grown volume is taken, so that it is no changed past later"
    );
    // It doesn't shrink, and no other session's grows.
    evening[7].volume[0] += 20.0;
    assert!(updated(&server, &members(3), &evening, &days).await.is_err());
    evening[7].volume[0] -= 10.0;
    evening[6].volume[0] -= 10.0;
    assert!(updated(&server, &members(3), &evening, &days).await.is_err());
}

/// A name that was halted in the last stored session, as somebody vouched for, has a bar of it after all.
#[tokio::test]
async fn the_past_of_a_halted_name_is_not_filled_in_without_a_word() {
    let days = sessions();
    let server = sound(days.clone()).await;
    let whole = expected(&symbols(3), &days);
    let mut stored = whole[..8].to_vec();
    stored[7] = expected(&symbols(2), &days)[7].clone();
    let halt = halted(days[7]);
    let text = updated_with(&server, &members(3), &stored, &days, &halt).await.unwrap_err();
    assert!(text.starts_with("PAST_CHANGED: 1 stored numbers"), "{text}");
    assert!(text.contains("S002 on 2024-03-13: open stored absent, now "), "{text}");
    // The rest of what is stored of it is not asked for again.
    let seam = support::midnight(days[8 - OVERLAP]);
    assert!(server.asked.lock().unwrap().iter().all(|asked| asked["start"] == seam));
    let all = members(3);
    let partial = Wanted { stored: &stored, partial: true, ..Wanted::new(&all, days[0], days[9]) };
    let filled = update(&server.client, &partial, &days, &Events::default(), &options()).await;
    assert_eq!(filled.unwrap().history, whole, "of a history with holes that is what is wanted");
}

#[test]
fn differences_are_recorded_number_by_number() {
    let days = sessions();
    let old = expected(&symbols(2), &days[..2]);
    let mut new = old.clone();
    new[0].high[1] = 99.5;
    new[1] = expected(&symbols(1), &days)[1].clone();
    let found = differences(&old, &new, &symbols(2), Date::MIN, Date::MAX);
    let csv = differences_csv(&found);
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.starts_with("symbol,session,field,stored,now\nS001,2024-03-04,high,"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().ends_with(",99.5"), "{csv}");
    assert!(csv.lines().nth(2).unwrap().starts_with("S001,2024-03-05,open,"), "{csv}");
    assert!(csv.lines().nth(2).unwrap().ends_with(','), "it is gone: {csv}");
}

fn latest(folder: &TempDir) -> PathBuf {
    folder.path().join("data/latest/prices.parquet")
}

fn written(path: &Path, history: &[Bars], at: &str) {
    snapshots::keep(&Lock::of(path).unwrap(), path).unwrap();
    write_prices(path, history, provenance(at)).unwrap();
    snapshots::keep(&Lock::of(path).unwrap(), path).unwrap();
}

fn morning(day: Date) -> Time {
    alpaca::time::session_time(day, jiff::civil::time(8, 0, 0, 0))
}

fn known(path: &Path, day: Date) -> Vec<Bars> {
    snapshots::as_of(path, day).unwrap().1
}

#[test]
fn what_was_known_on_a_day_can_be_had_again() {
    let folder = TempDir::new().unwrap();
    let path = latest(&folder);
    let days = sessions();
    let first = expected(&symbols(2), &days);
    written(&path, &first[..5], "2024-03-08T22:00:00Z");
    // Each on the morning after, at eight in New York.
    append_session(&path, &first[5], morning(days[6])).unwrap();
    append_session(&path, &first[6], morning(days[7])).unwrap();
    // Three sessions later the source has other prices of the past.
    let mut restated = first[..8].to_vec();
    restated[1].close[0] *= 0.5;
    written(&path, &restated, "2024-03-13T22:00:00Z");
    append_session(&path, &first[8], morning(days[9])).unwrap();

    assert_eq!(known(&path, date(2024, 3, 8)), &first[..5]);
    assert_eq!(known(&path, date(2024, 3, 11)), &first[..5], "nobody had asked for it yet");
    assert_eq!(known(&path, date(2024, 3, 12)), &first[..6], "appended, not restated yet");
    assert_eq!(known(&path, date(2024, 3, 13)), restated);
    assert_eq!(known(&path, date(2024, 3, 14)), restated);
    assert_eq!(known(&path, date(2024, 3, 15)).len(), 9, "with what came later");
    assert_eq!(known(&path, date(2030, 1, 1)), read_prices(&path).unwrap());
    let nothing = snapshots::as_of(&path, date(2024, 3, 7)).unwrap_err().to_string();
    assert!(nothing.contains("nothing was known on 2024-03-07"), "{nothing}");
    let kept = std::fs::read_dir(snapshots::folder(&path)).unwrap().count();
    assert_eq!(kept, 2, "appending makes no snapshots");
}

/// One of an earlier version does not say when it grew: what it has counts as known since it was fetched.
#[test]
fn of_a_history_that_does_not_say_when_it_grew_the_days_decide() {
    let folder = TempDir::new().unwrap();
    let path = latest(&folder);
    let (days, history) = (sessions(), expected(&symbols(2), &sessions()));
    // 19:30 of 7 March in New York.
    written(&path, &history[..4], "2024-03-08T00:30:00Z");
    append_session(&path, &history[4], morning(days[5])).unwrap();
    let manifest = ingest::manifest_path(&path);
    let mut old: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    old.as_object_mut().unwrap().remove("growths").unwrap();
    old["grown"] = "2024-03-11T12:00:00Z: everything".into();
    std::fs::write(&manifest, old.to_string()).unwrap();
    assert_eq!(known(&path, days[3]), &history[..4], "that evening, which is the next day in UTC");
    assert_eq!(known(&path, days[4]), &history[..5]);
    let nothing = snapshots::as_of(&path, days[2]).unwrap_err().to_string();
    assert!(nothing.contains("nothing was known on 2024-03-06"), "{nothing}");
    // What it grows by from now on is told apart.
    append_session(&path, &history[5], morning(days[9])).unwrap();
    assert_eq!(known(&path, days[8]), &history[..5]);
    assert_eq!(known(&path, days[9]), &history[..6]);
}

#[test]
fn keeping_twice_is_keeping_once_and_another_content_is_another_snapshot() {
    let folder = TempDir::new().unwrap();
    let path = latest(&folder);
    let history = expected(&symbols(2), &sessions());
    let at = "2024-03-18T22:00:00Z";
    written(&path, &history, at);
    snapshots::keep(&Lock::of(&path).unwrap(), &path).unwrap();
    written(&path, &history[2..], at);
    let mut names: Vec<String> = std::fs::read_dir(snapshots::folder(&path))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["2024-03-18T220000Z", "2024-03-18T220000Z-2"]);
    assert_eq!(known(&path, date(2024, 3, 18)), &history[2..], "the later of that day");
    // A snapshot that was tampered with is refused by name.
    let file = snapshots::folder(&path).join("2024-03-18T220000Z-2/prices.parquet");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 9]).unwrap();
    let text = snapshots::as_of(&path, date(2024, 3, 17)).unwrap_err().to_string();
    assert!(text.contains("nothing was known"), "{text}");
    let (_, whole) = snapshots::as_of(&path, date(2024, 3, 18)).unwrap();
    assert_eq!(whole.len(), 8, "the whole file in data/latest mends it");
}

/// The same source, asked at the same time: the universe or the events beside the prices are others, and those that
/// were known before stay where they were.
#[test]
fn other_companions_are_another_snapshot() {
    let folder = TempDir::new().unwrap();
    let path = latest(&folder);
    let (days, both) = (sessions(), expected(&symbols(2), &sessions()));
    let events = folder.path().join("mine.csv");
    let write = |history: &[Bars], names: usize, note: &str| {
        let text = format!("symbol,kind,from,note\nS000,listed,2024-03-04,{note}\n");
        std::fs::write(&events, text).unwrap();
        let universe = ingest::Universe::new(members(names), days[0]);
        let lock = Lock::of(&path).unwrap();
        snapshots::keep(&lock, &path).unwrap();
        let origin = Origin::from(provenance("2024-03-08T22:00:00Z"));
        store::write_together(&lock, &path, history, origin, &universe, Some(&events)).unwrap();
        snapshots::keep(&lock, &path).unwrap();
    };
    write(&both[..5], 2, "first");
    write(&both[..6], 2, "first");
    let count = || std::fs::read_dir(snapshots::folder(&path)).unwrap().count();
    assert_eq!(count(), 1, "it has only grown");
    write(&both[..7], 1, "first");
    write(&both[..8], 1, "second");
    assert_eq!(count(), 3);
    let mut held = Vec::new();
    for entry in std::fs::read_dir(snapshots::folder(&path)).unwrap() {
        let prices = entry.unwrap().path().join("prices.parquet");
        let note = std::fs::read_to_string(ingest::events_path(&prices)).unwrap();
        let note = if note.contains("first") { "first" } else { "second" };
        let members = ingest::universe_of(&prices).unwrap().members.len();
        ingest::read_events(&prices).unwrap();
        held.push((read_prices(&prices).unwrap().len(), members, note));
    }
    held.sort_unstable();
    assert_eq!(held, [(6, 2, "first"), (7, 1, "first"), (8, 1, "second")]);
}

#[test]
fn trading_refuses_a_partial_history_by_name() {
    let folder = TempDir::new().unwrap();
    let path = latest(&folder);
    let days = sessions();
    let mut history = expected(&symbols(2), &days);
    history[3] = expected(&symbols(1), &days)[3].clone();
    let gate = ingest::inspect(&members(2), &days, &history, &Events::default());
    let origin = Origin { gate: Some(gate), ..Origin::from(provenance("2024-03-18T22:00:00Z")) };
    write_prices(&path, &history, origin).unwrap();
    assert_eq!(read_prices(&path).unwrap(), history, "research may");
    let partial = |error: StoreError| {
        assert!(matches!(error, StoreError::Partial { .. }), "{error}");
        error.to_string()
    };
    let text = partial(trading_prices(&path).unwrap_err());
    assert!(text.contains("prices.parquet was written with --allow-partial"), "{text}");
    assert!(text.contains("19 of 20 bars (S001 on 2024-03-07: no bars"), "{text}");
    partial(append_session(&path, &history[9], morning(days[9])).unwrap_err());
}

#[test]
fn a_whole_history_stays_whole_as_it_grows() {
    let folder = TempDir::new().unwrap();
    let path = latest(&folder);
    let days = sessions();
    let history = expected(&symbols(2), &days);
    let gate = Inspection { expected: 10, got: 10, ..Inspection::default() };
    let provenance_now = provenance("2024-03-18T22:00:00Z");
    let origin = Origin { gate: Some(gate), overlap: Some(5), ..Origin::from(provenance_now) };
    write_prices(&path, &history[..5], origin).unwrap();
    append_session(&path, &history[5], morning(days[6])).unwrap();
    let manifest = read_manifest(&path).unwrap().unwrap();
    assert_eq!(manifest.origin.overlap, Some(5), "how far back the last fetch looked");
    assert_eq!(manifest.origin.gate.unwrap().got, 12);
    assert_eq!(*trading_prices(&path).unwrap(), history[..6]);
    // What is in memory can't be out of date: another process writes, and bytes rot.
    let elsewhere = TempDir::new().unwrap();
    let other = latest(&elsewhere);
    write_prices(&other, &history[..7], provenance("2024-03-18T22:00:00Z")).unwrap();
    std::fs::copy(&other, &path).unwrap();
    assert!(matches!(trading_prices(&path), Err(StoreError::Tampered { .. })));
    std::fs::copy(ingest::manifest_path(&other), ingest::manifest_path(&path)).unwrap();
    assert_eq!(trading_prices(&path).unwrap().len(), 7);
    assert!(store::session(&history, days[3]).is_some());
}
