//! `RunFolder`: the files of a run, their bytes after a restart, and what the page says.

mod common;

use common::{date, run, stopped};
use expect_test::expect;
use kernel::Observer;
use messages::{
    ActorId, Alarm, CoverageFailed, Env, Envelope, Message, MessageId, OrdersDone, Shares, Time,
    Usd, sha256_hex,
};
use reporting::{ReportError, RunFolder};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

type Journal = Vec<(u64, Envelope)>;

fn show(folder: &mut RunFolder, journal: &[(u64, Envelope)]) {
    for (position, entry) in journal {
        folder.see(*position, entry).expect("seen");
    }
}

fn write(path: &Path, journals: &[Journal]) -> RunFolder {
    let mut folder = RunFolder::open(path).expect("a folder");
    for journal in journals {
        show(&mut folder, journal);
    }
    folder.finish().expect("written");
    folder
}

/// Every file by name.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry"));
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().expect("UTF-8");
        (name, fs::read(entry.path()).expect("a file"))
    };
    entries.map(read).collect()
}

fn event(author: ActorId, body: Message) -> (u64, Envelope) {
    (9, Envelope { id: MessageId::event(author, "x"), at: Time(1), body })
}

/// The opening of a journal, and then nothing but bad news.
fn stopped_journal(journal: &Journal) -> Journal {
    let missing = CoverageFailed {
        session: date("2024-01-01"),
        expected: 3,
        got: 2,
        missing: vec!["BBB".into()],
        unusable: Vec::new(),
    };
    let alarm = Alarm { code: "LATE".to_owned(), detail: "<b>".to_owned(), symbol: None };
    vec![
        journal[0].clone(),
        event(ActorId::Ingest, Message::CoverageFailed(missing)),
        event(ActorId::Ingest, Message::Alarm(alarm)),
        event(ActorId::Session, stopped("coverage 2/3, BBB missing")),
    ]
}

#[test]
fn restarts_leave_the_same_bytes() {
    let journals = run(Env::Paper, 6);
    let (whole, broken) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    write(whole.path(), &journals);
    let expected = files(whole.path());
    assert_eq!(
        expected.keys().collect::<Vec<_>>(),
        [
            "ledger.json",
            "performance_metrics.json",
            "positions.json",
            "report.html",
            "sessions.jsonl"
        ]
    );
    // Each session is cut off somewhere, once after its report, and seen again from its beginning.
    for (i, journal) in journals.iter().enumerate() {
        let cut = if i == 3 { journal.len() - 1 } else { i * journal.len() / 6 };
        show(&mut RunFolder::open(broken.path()).expect("a folder"), &journal[..cut]);
        show(&mut RunFolder::open(broken.path()).expect("a folder"), journal);
    }
    assert_eq!(files(broken.path()), expected);
    // And the whole run again, over the finished folder.
    write(broken.path(), &journals);
    assert_eq!(files(broken.path()), expected);
}

/// The last word of a session counts: a resume may have let slices go on after an earlier one.
#[test]
fn targets_that_a_plan_was_short_of_are_on_record() {
    let done = |left: &[(&str, i64)]| {
        let unreached = left.iter().map(|(symbol, shares)| ((*symbol).into(), Shares(*shares)));
        let unreached = unreached.collect();
        event(
            ActorId::Execution,
            Message::OrdersDone(OrdersDone { unreached, ..OrdersDone::default() }),
        )
    };
    let mut journals = run(Env::Paper, 3);
    let end = journals[1].len() - 1;
    journals[1].insert(end, done(&[("AAA", -50), ("BBB", 7), ("CCC", 1)]));
    journals[1].insert(end + 1, done(&[("AAA", -50), ("BBB", 7)]));
    let dir = tempfile::tempdir().expect("dir");
    let folder = write(dir.path(), &journals);
    let left: Vec<usize> = folder.sessions().map(|record| record.unreached.len()).collect();
    assert_eq!(left, [0, 2, 0]);
    let files = files(dir.path());
    let line = String::from_utf8_lossy(&files["sessions.jsonl"]);
    assert!(line.contains(r#""unreached":{"AAA":-50,"BBB":7}"#), "{line}");
    let figures: serde_json::Value =
        serde_json::from_slice(&files["performance_metrics.json"]).expect("JSON");
    assert_eq!((&figures["unreached"], &figures["sessions_unreached"]), (&2.into(), &1.into()));
    let page = String::from_utf8_lossy(&files["report.html"]);
    assert!(page.contains("short of / in sessions</td><td>2 / 1<"), "{page}");
    let table = folder.performance().expect("sessions").table();
    assert!(
        table.contains("Unreached     2 targets that sliced plans were short of, in 1 sessions")
    );
}

#[test]
fn a_line_that_a_crash_cut_short_is_written_again() {
    let journals = run(Env::Paper, 3);
    let dir = tempfile::tempdir().expect("dir");
    write(dir.path(), &journals);
    let expected = files(dir.path());
    let lines = &expected["sessions.jsonl"];
    fs::write(dir.path().join("sessions.jsonl"), &lines[..lines.len() - 40]).expect("written");
    let mut folder = RunFolder::open(dir.path()).expect("a folder");
    assert_eq!(folder.days().count(), 2);
    show(&mut folder, &journals[2]);
    assert_eq!(files(dir.path()), expected);
}

#[test]
fn a_backtest_leaves_its_summaries_to_the_end() {
    let journals = run(Env::Backtest, 3);
    let dir = tempfile::tempdir().expect("dir");
    let mut folder = RunFolder::open(dir.path()).expect("a folder");
    for journal in &journals {
        show(&mut folder, journal);
    }
    assert_eq!(files(dir.path()).len(), 1);
    folder.finish().expect("written");
    assert_eq!(files(dir.path()).len(), 5);
}

#[test]
fn orders_hash_as_their_lines_do_and_survive_a_restart() {
    let journals = run(Env::Paper, 4);
    let dir = tempfile::tempdir().expect("dir");
    let folder = write(dir.path(), &journals);
    let mut lines = String::new();
    for (_, entry) in journals.iter().flatten() {
        if let Message::SubmitOrder(order) = &entry.body {
            let day = &order.client_order_id[3..11];
            let session = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
            let _ = writeln!(
                lines,
                "{session} {} {} {} {}",
                order.symbol, order.side, order.quantity.0, order.client_order_id
            );
        }
    }
    assert_eq!(folder.orders_sha256(), sha256_hex(lines.as_bytes()));
    let again = RunFolder::open(dir.path()).expect("a folder");
    assert_eq!(again.orders_sha256(), folder.orders_sha256());
    assert_eq!(again.performance(), folder.performance());
}

#[test]
fn numbers_follow_from_the_days() {
    let dir = tempfile::tempdir().expect("dir");
    let folder = write(dir.path(), &run(Env::Paper, 40));
    let performance = folder.performance().expect("sessions");
    let (first, last) =
        (folder.days().next().expect("a day"), folder.days().last().expect("a day"));
    let growth = last.nav_close.to_f64() / first.nav_open.to_f64() - 1.0;
    assert!((performance.total_return.expect("a return") - growth).abs() < 1e-12);
    assert_eq!(performance.unreported_change, Usd(0));
    assert_eq!(performance.sessions, 40);
    let orders: u32 = folder.days().map(|day| day.orders).sum();
    assert_eq!((performance.counts.orders, performance.counts.fills), (orders, orders));
    assert!(performance.sharpe_label.starts_with("not distinguishable from 0 (40 sessions, 95 %"));

    let text = fs::read_to_string(dir.path().join("performance_metrics.json")).expect("a file");
    let json: serde_json::Value = serde_json::from_str(&text).expect("json");
    assert_eq!(json["coverage"], serde_json::json!({"expected": 3, "got": 3}));
    assert_eq!(json["sessions"], 40);
    assert_eq!(json["orders"], orders);
    assert_eq!(json["final_nav"], last.nav_close.to_f64());
    assert_eq!(json["orders_sha256"], folder.orders_sha256());
    for key in ["fills", "rejects", "total_return", "sharpe", "max_drawdown", "turnover", "gross"] {
        assert!(json[key].is_number(), "{key}");
    }
    let text = fs::read_to_string(dir.path().join("positions.json")).expect("a file");
    let book: serde_json::Value = serde_json::from_str(&text).expect("json");
    assert_eq!(book["positions"].as_array().map(Vec::len), Some(3));
    assert_eq!(book["positions"][0]["quantity"], last.positions[0].quantity.0);
}

#[test]
fn the_table_of_a_run() {
    let dir = tempfile::tempdir().expect("dir");
    let mut journals = run(Env::Paper, 30);
    let bad_news = stopped_journal(&journals[29]);
    journals[29] = bad_news;
    let folder = write(dir.path(), &journals);
    expect![[r"
        Sessions      29  2024-01-02 to 2024-01-30
        Return        +0.10 %
        Sharpe        0.30  not distinguishable from 0 (29 sessions, 95 % interval -5.6 to 6.2)
        Max drawdown  -0.70 %
        Turnover      7.5 x a year
        Gross         0.33 mean size, 0.33 last
        Net           0.041 mean size, 0.077 last
        Beta          0.029 mean size, 0.061 last
        Coverage      2/3
        Orders        86
        Fills         86
        Rejects       0 by the venue, 0 by risk
        Shortfall     $8.99 against sizing closes, 0.5 bp of traded value
        NAV           $100,096.95
        Cash          $92,432.83
        Profit        $96.95 after $0.00 of fees and borrow paid; $87.54 with those of our model, $9.41
        Stopped       2024-01-31 coverage 2/3, BBB missing
    "]]
    .assert_eq(&folder.performance().expect("sessions").table());
}

#[test]
fn a_run_that_never_traded_says_so() {
    let dir = tempfile::tempdir().expect("dir");
    assert_eq!(RunFolder::open(dir.path()).expect("a folder").performance(), None);
    let folder = write(dir.path(), &[stopped_journal(&run(Env::Paper, 1)[0])]);
    let performance = folder.performance().expect("a session");
    assert_eq!((performance.sessions, performance.total_return), (0, None));
    assert_eq!(performance.coverage.map(|c| (c.got, c.expected)), Some((2, 3)));
    assert_eq!(performance.stopped[0].reason, "coverage 2/3, BBB missing");
    let page = fs::read_to_string(folder.report_path()).expect("a page");
    assert!(page.contains("No session with an account"));
    assert!(page.contains("stopped: coverage 2/3, BBB missing"));
    assert!(performance.table().contains("n/a"));
}

#[test]
fn the_page_holds_the_numbers_and_nothing_foreign() {
    let dir = tempfile::tempdir().expect("dir");
    let mut journals = run(Env::Paper, 25);
    let bad_news = stopped_journal(&journals[12]);
    journals[12] = bad_news;
    let folder = write(dir.path(), &journals);
    let page = fs::read_to_string(folder.report_path()).expect("a page");
    let performance = folder.performance().expect("sessions");
    assert!(page.contains(&format!("{:+.2} %", performance.total_return.expect("one") * 100.0)));
    assert!(page.contains(&performance.sharpe_label));
    assert!(page.contains("2/3"), "coverage of the worst session");
    let last = folder.days().last().expect("a day");
    for held in &last.positions {
        assert!(page.contains(&format!("<td>{}</td><td>{}</td>", held.symbol, held.quantity.0)));
    }
    assert!(page.contains("demo &amp; test") && page.contains("Sector &lt;A&gt;"));
    assert!(page.contains("alarm: ingest LATE: &lt;b&gt;"));
    for foreign in ["NaN", "inf,", "inf\"", " inf", "None", "Some(", "http", "<script", "<b>\n"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert_eq!(page.matches("<svg").count(), 6);
}

#[test]
fn one_session_makes_a_page_without_gaps() {
    let dir = tempfile::tempdir().expect("dir");
    let folder = write(dir.path(), &run(Env::Paper, 1));
    let page = fs::read_to_string(folder.report_path()).expect("a page");
    assert!(page.contains("One session, 2024-01-02"));
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn a_corrupt_line_is_named() {
    let dir = tempfile::tempdir().expect("dir");
    write(dir.path(), &run(Env::Paper, 3));
    let path = dir.path().join("sessions.jsonl");
    let text = fs::read_to_string(&path).expect("a file");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1] = "{\"session\":";
    fs::write(&path, lines.join("\n") + "\n").expect("written");
    let error = RunFolder::open(dir.path()).expect_err("corrupt");
    assert!(matches!(error, ReportError::Corrupt { line: 2, .. }));
    let text = error.to_string();
    assert!(text.contains("sessions.jsonl line 2") && text.contains("replay the run"), "{text}");
}

#[test]
fn a_folder_belongs_to_one_run() {
    let dir = tempfile::tempdir().expect("dir");
    let journals = run(Env::Paper, 2);
    let mut folder = write(dir.path(), &journals[..1]);
    let mut journal = journals[1].clone();
    if let Message::SessionOpened(opened) = &mut journal[0].1.body {
        opened.run_id = "another".to_owned();
    }
    let error = folder.see(1, &journal[0].1).expect_err("another run");
    assert!(error.to_string().contains("holds run demo & test, not another"), "{error}");
}
