//! Dated universes of other people's: what is taken in, how it is kept, what is refused and how.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use ingest::update::{Wanted, update};
use ingest::{
    Events, Inspection, Sources, Universe, inspect, read_members, read_universe, universe_path,
    write_universe,
};
use jiff::civil::date;
use messages::{Date, Listed, Member, Time};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use support::{expected, options, sessions, sound, symbols};
use tempfile::TempDir;

fn listed(symbol: &str, from: Date, through: Option<Date>, sector: &str) -> Listed {
    Listed { symbol: symbol.into(), from, through, sector: sector.to_owned() }
}

fn read(text: &str) -> Result<Universe, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("universe.csv");
    fs::write(&path, text).unwrap();
    let folder = format!("{}/", folder.path().display());
    let read = read_members(&path, None, None);
    read.map(|(universe, _)| universe).map_err(|error| error.to_string().replace(&folder, ""))
}

/// A change of name and one of sector, a name that leaves, one that comes back.
const SPELLS: &str = "symbol,sector,from,through\n\
    FB,Technology,2013-12-23,2018-09-27\n\
    META,Communication Services,2018-09-28,\n\
    BRK-B,Financials,2014-01-02,2014-06-30\n\
    BRK-B,Financials,2014-07-01,2015-12-31\n\
    BRK-B,Financials,2017-01-03,\n\
    GE,Industrials,2014-01-02,2018-06-25\n";

#[test]
fn times_of_membership_are_those_of_present_names() {
    let universe = read(SPELLS).unwrap();
    let day = date;
    let expected = [
        listed("BRK.B", day(2014, 1, 2), Some(day(2015, 12, 31)), "Financials"),
        listed("BRK.B", day(2017, 1, 3), None, "Financials"),
        listed("GE", day(2014, 1, 2), Some(day(2018, 6, 25)), "Industrials"),
        listed("META", day(2013, 12, 23), Some(day(2018, 9, 27)), "Technology"),
        listed("META", day(2018, 9, 28), None, "Communication Services"),
    ];
    assert_eq!(universe.listed, expected);
    assert_eq!(universe.sectors_as_of, day(2018, 9, 28));
    let of = |members: Vec<Member>| -> Vec<String> {
        members.into_iter().map(|member| format!("{} {}", member.symbol, member.sector)).collect()
    };
    let on = |day| {
        let (members, known) = universe.on(day);
        (of(members), known)
    };
    let all = ["BRK.B Financials", "GE Industrials", "META Communication Services"];
    assert_eq!(of(universe.members.clone()), all);
    assert_eq!(on(day(2013, 12, 22)), (vec![], Date::MIN));
    assert_eq!(on(day(2013, 12, 23)), (vec!["META Technology".to_owned()], day(2013, 12, 23)));
    let (members, known) = on(day(2018, 6, 25));
    assert_eq!(members, ["BRK.B Financials", "GE Industrials", "META Technology"]);
    assert_eq!(known, day(2017, 1, 3));
    assert_eq!(on(day(2018, 6, 26)).0, ["BRK.B Financials", "META Technology"]);
    assert_eq!(on(day(2016, 5, 2)).0, ["GE Industrials", "META Technology"]);
    assert_eq!(on(day(2018, 9, 28)).0, ["BRK.B Financials", "META Communication Services"]);
}

#[test]
fn whole_lists_of_several_days_hold_until_the_next() {
    let universe = read(
        "symbol,snapshot,sector\n\
         A,2016-01-04,Energy\nB,2016-01-04,Tech\n\
         A,2017-01-03,Energy\nC,2017-01-03,Tech\n\
         A,2018-01-02,Utilities\nB,2018-01-02,Tech\nC,2018-01-02,Tech\n",
    );
    let (y16, y17, y18) = (date(2016, 1, 4), date(2017, 1, 3), date(2018, 1, 2));
    let expected = [
        listed("A", y16, y18.yesterday().ok(), "Energy"),
        listed("A", y18, None, "Utilities"),
        listed("B", y16, y17.yesterday().ok(), "Tech"),
        listed("B", y18, None, "Tech"),
        listed("C", y17, None, "Tech"),
    ];
    assert_eq!(universe.unwrap().listed, expected);
}

#[test]
fn what_can_not_be_is_refused_by_line_with_what_to_do() {
    let spell = |rows: &str| read(&format!("symbol,sector,from,through\n{rows}")).unwrap_err();
    let twice = "universe.csv: A is a member in line 2 and in line 4 at the same time: mend their days or delete one";
    let other = "B,Tech,2014-01-02,\n";
    for (first, second) in [
        ("A,Tech,2014-01-02,", "A,Tech,2014-01-02,"),
        ("A,Tech,2014-01-02,", "A,Energy,2019-01-02,"),
        ("A,Tech,2014-01-02,2015-01-02", "A,Tech,2015-01-02,"),
        ("A,Tech,2014-01-02,2016-01-04", "A,Energy,2014-03-03,2014-03-04"),
        ("A,Tech,2015-01-02,", "A,Energy,2014-01-02,"),
    ] {
        assert_eq!(spell(&format!("{first}\n{other}{second}\n")), twice);
    }
    // A name of then and the present one are one name.
    let error = spell("FB,Tech,2014-01-02,\nMETA,Tech,2022-06-09,\n");
    assert!(error.contains("META is a member in line 2 and in line 3"), "{error}");
    let cases = [
        (
            "A,Tech,2014-01-02,2013-01-02\n",
            "line 2, column through: \"2013-01-02\" lies before `from`: correct",
        ),
        (
            "A,Tech,02/01/2014,\n",
            "line 2, column from: \"02/01/2014\" is no date: write it as 2024-03-08",
        ),
        ("A,Tech,2014-01-02,now\n", "line 2, column through: \"now\" is no date"),
        ("A,Tech,,\n", "line 2, column from: \"\" is empty: fill it in"),
        ("A,,2014-01-02,\n", "line 2, column sector: \"\" is empty: fill it in"),
        (
            "A,Unknown,2014-01-02,\n",
            "line 2, column sector: \"Unknown\" is no sector: find it, or delete",
        ),
        ("A,N/A,2014-01-02,\n", "line 2, column sector: \"N/A\" is no sector"),
        (
            "A,Health Care,2014-01-02,\nB,Healthcare,2014-01-02,\n",
            "line 3, column sector: \"Healthcare\" is \"Health Care\" in line 2: write it in one way",
        ),
        ("", "it has no rows"),
    ];
    for (rows, problem) in cases {
        let error = spell(rows);
        assert!(error.starts_with("universe.csv") && error.contains(problem), "{error}");
    }
    let error = read("symbol,from\nA,2014-01-02\n").unwrap_err();
    assert!(error.contains("column sector is missing"), "{error}");
    let error = read("symbol,sector,from,snapshot\nA,Tech,2014-01-02,2014-01-02\n").unwrap_err();
    assert!(error.contains("from and snapshot are both there: keep `from`"), "{error}");
    let error = read("symbol,sector,snapshot\nA,Tech,2014-01-02\nA,Tech,2014-01-02\n").unwrap_err();
    assert!(error.contains("A is a member in line 2 and in line 3"), "{error}");
    // Whoever has lists of several days and no such column is told.
    let error = read("symbol,sector,as_of\nA,Tech,2014-01-02\nA,Tech,2015-01-02\n").unwrap_err();
    assert!(
        error.contains("line 3: A stands there twice") && error.contains("`snapshot`"),
        "{error}"
    );
}

/// PRIOR_ART.md §9, number 42: there, 622,800 rows were held against each other pair by pair. Three hundred names on 2,076
/// days are that many; each row is read once and compared with its neighbour.
#[test]
fn prior_art_42_six_hundred_thousand_rows_are_compared_with_their_neighbours() {
    let mut text = "symbol,sector,snapshot\n".to_owned();
    let mut day = date(2014, 1, 2);
    for _ in 0..2_076 {
        for name in 0..300 {
            writeln!(text, "S{name},Sector {},{day}", name % 11).unwrap();
        }
        day = day.tomorrow().unwrap();
    }
    let universe = read(&text).unwrap();
    assert_eq!((universe.listed.len(), universe.members.len()), (300, 300));
}

#[test]
fn a_dated_universe_is_read_back_or_refused() {
    let folder = TempDir::new().unwrap();
    let path = universe_path(&folder.path().join("prices.parquet"));
    let universe = read(SPELLS).unwrap();
    write_universe(&path, &universe).unwrap();
    assert_eq!(read_universe(&path).unwrap(), universe);
    let text = fs::read_to_string(&path).unwrap();
    for (was, is) in [("2018-06-25", "2018-06-26"), ("\"Technology\"", "\"Energy\"")] {
        fs::write(&path, text.replacen(was, is, 1)).unwrap();
        let error = read_universe(&path).unwrap_err().to_string();
        assert!(error.contains("has sha256"), "{error}");
    }
    // Dates that are out of order, under a hash of their own.
    let mut rows = universe.listed.clone();
    rows.swap(1, 3);
    write_universe(&path, &Universe::dated(rows)).unwrap();
    let error = read_universe(&path).unwrap_err().to_string();
    assert!(error.contains("its members are not those of its dates"), "{error}");
    assert_ne!(Universe::dated(universe.listed[..3].to_vec()).sha256, universe.sha256);
}

/// The third name belongs to it from the fifth to the eighth session.
fn third_for_a_while(days: &[Date]) -> Universe {
    let rows = [("S000", 0, None), ("S001", 0, None), ("S002", 4, Some(7))];
    let row = |(symbol, from, through): (&str, usize, Option<usize>)| {
        listed(symbol, days[from], through.map(|at| days[at]), "S")
    };
    Universe::dated(rows.map(row).to_vec())
}

#[test]
fn a_bar_is_demanded_of_members_only() {
    let days = sessions();
    let universe = third_for_a_while(&days);
    let events = || Events::default().of_members(&universe);
    let look = |history: &[messages::Bars]| -> Inspection {
        inspect(&universe.members, &days, history, &events())
    };
    let whole = expected(&symbols(3), &days);
    let found = look(&whole);
    assert!(found.is_complete(), "{found}");
    assert_eq!(found.expected as usize, 2 * days.len() + 4);
    let mut few = expected(&symbols(2), &days);
    few[4..8].clone_from_slice(&whole[4..8]);
    assert!(look(&few).is_complete(), "before it joined and after it left nobody misses it");
    few[6] = expected(&symbols(2), &days)[6].clone();
    let found = look(&few);
    assert!(found.to_string().contains(&format!("S002 on {}", days[6])), "{found}");
    let (today, _) = universe.on(days[8]);
    assert_eq!(today.len(), 2, "and a session's gate has its members only");
}

/// Who left is fetched for a while, and then no more; who has not joined yet is fetched with its past.
#[tokio::test]
async fn bars_are_fetched_until_some_time_after_a_name_left() {
    let days = sessions();
    let server = sound(days.clone()).await;
    let whole = expected(&symbols(3), &days);
    let long_ago = date(2020, 1, 2);
    let spell = |symbol: &str, through| listed(symbol, date(2019, 1, 2), through, "S");
    for (through, wanted) in [(Some(long_ago), false), (Some(days[1]), true), (None, true)] {
        let rows = vec![spell("S000", None), spell("S001", None), spell("S002", through)];
        let universe = Universe::dated(rows);
        let events = Events::default().of_members(&universe);
        let fetch = async |stored: &[messages::Bars]| {
            let wanted = Wanted {
                stored,
                listed: &universe.listed,
                ..Wanted::new(&universe.members, days[0], days[days.len() - 1])
            };
            update(&server.client, &wanted, &days, &events, &options()).await.unwrap()
        };
        let mine = if wanted { whole.clone() } else { expected(&symbols(2), &days) };
        let first = fetch(&[]).await;
        assert!(first.history == mine && first.inspection.is_complete(), "{}", first.inspection);
        // A day's growth asks for no more than is wanted, and finds its past as it is.
        server.asked.lock().unwrap().clear();
        assert_eq!(fetch(&mine[..8]).await.history, mine);
        let asked = server.asked.lock().unwrap();
        assert!(
            asked.iter().all(|asked| asked["symbols"].contains("S002") == wanted),
            "{through:?}"
        );
    }
}

const HEADER: &str = "symbol,date,open,high,low,close,volume\n";

#[test]
fn an_import_takes_what_is_wanted_of_each_name() {
    let folder = TempDir::new().unwrap();
    let (prices, universe) = (folder.path().join("prices.csv"), folder.path().join("universe.csv"));
    let day = |name: &str, day: &str| format!("{name},{day},10,12,9,11,100\n");
    let rows: String = ["2024-01-02", "2024-01-03", "2024-06-03"]
        .iter()
        .flat_map(|at| [day("AAA", at), day("BBB", at)])
        .collect();
    fs::write(&prices, format!("{HEADER}{rows}")).unwrap();
    fs::write(
        &universe,
        "symbol,sector,from,through\nAAA,Tech,2024-01-03,\nBBB,Tech,2023-01-03,2024-01-02\nCCC,Tech,2012-01-03,2014-01-02\n",
    )
    .unwrap();
    let import = |sectors: Option<&Path>, as_of: Option<Date>| {
        ingest::import(&Sources {
            prices: &prices,
            universe: &universe,
            sectors,
            sectors_as_of: as_of,
            now: Time(1_719_853_200_000_000_000),
        })
    };
    let imported = import(None, None).unwrap();
    let symbols: Vec<usize> = imported.bars.iter().map(|bars| bars.symbols.len()).collect();
    assert_eq!(symbols, [2, 2, 1], "a past before it joined, and 100 days after it left");
    assert_eq!(imported.dropped["long after it left the universe"], 1);
    assert_eq!(imported.universe.listed.len(), 3, "who left long before has no bars in the file");
    for (sectors, as_of) in [(Some(&*universe), None), (None, Some(date(2024, 1, 2)))] {
        let error = import(sectors, as_of).unwrap_err().to_string();
        assert!(error.contains("leave out --sectors and --sectors-as-of"), "{error}");
    }
}
