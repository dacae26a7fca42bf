//! Changes of name: one company, one series.

use super::{Source, expected, options};
use exchange::Market;
use exchange::calendar::is_xnys_session;
use ingest::update::{Updated, Wanted, update};
use ingest::{Events, FetchOptions, Mapped, fetch_bars};
use jiff::ToSpan;
use jiff::civil::date;
use messages::{Bars, Date, Member, Symbol};
use std::collections::BTreeMap;
use std::sync::Arc;

const FIRST: Date = date(2022, 6, 1);
const CHANGE: Date = date(2022, 6, 9);
const LAST: Date = date(2022, 6, 15);

/// AAPL and META, which was FB before 2022-06-09.
fn market() -> Arc<Market> {
    let sessions = (0..30).map(|days| FIRST + days.days()).filter(|day| is_xnys_session(*day));
    let day = |(at, session): (usize, Date)| {
        let mut bars = Bars::empty(session);
        for (symbol, price) in [("AAPL", 140.0), ("META", 180.0)] {
            let close = price + at as f64 / 4.0;
            bars.push(symbol.into(), [price, close + 1.0, price - 1.0, close, 1e6, close]);
        }
        bars
    };
    let sectors: BTreeMap<Symbol, String> =
        ["AAPL", "META"].map(|symbol| (Symbol::from(symbol), "S".to_owned())).into();
    Arc::new(Market::from_bars(sessions.enumerate().map(day).collect(), &sectors).unwrap())
}

fn symbols(names: &[&str]) -> Vec<Symbol> {
    names.iter().copied().map(Symbol::from).collect()
}

async fn fetched(
    source: &Source,
    market: &Market,
    through: Date,
    options: &FetchOptions,
) -> Updated {
    let member = |symbol| Member { symbol, sector: "S".into() };
    let members: Vec<Member> = symbols(&["AAPL", "META"]).into_iter().map(member).collect();
    let sessions = market.calendar().sessions().iter().map(|session| session.date);
    let sessions: Vec<Date> = sessions.filter(|day| *day <= through).collect();
    let wanted = Wanted::new(&members, FIRST, through);
    update(&source.client, &wanted, &sessions, &Events::default(), options).await.unwrap()
}

#[tokio::test]
async fn a_fetch_over_a_change_of_name_is_one_unbroken_series() {
    let market = market();
    let whole = expected(&market, &symbols(&["AAPL", "META"]), LAST);
    let source = Source::at(&market, date(2022, 6, 16), 8).await;
    let now = fetched(&source, &market, LAST, &options()).await;
    assert!(now.inspection.is_complete(), "{}", now.inspection);
    assert_eq!(now.history, whole);
    assert_eq!(now.mapped, [Mapped { from: "FB".into(), to: "META".into() }]);
    // On the very morning of the change, too.
    let source = Source::at(&market, CHANGE, 8).await;
    let eve = CHANGE.yesterday().unwrap();
    let now = fetched(&source, &market, eve, &options()).await;
    assert_eq!(now.history, expected(&market, &symbols(&["AAPL", "META"]), eve));
}

#[tokio::test]
async fn as_of_another_day_the_names_are_of_that_day() {
    let market = market();
    let source = Source::at(&market, date(2022, 6, 16), 8).await;
    let as_of = |day| FetchOptions { asof: Some(day), ..options() };
    let before = as_of(date(2022, 6, 7));
    let now = fetched(&source, &market, LAST, &before).await;
    assert!(
        !now.inspection.is_complete(),
        "on that day META was somebody else's name, or nobody's"
    );
    assert!(
        now.inspection.to_string().contains("META from 2022-06-01 to 2022-06-08"),
        "{}",
        now.inspection
    );
    let ask = async |name: &str, options: &FetchOptions| {
        fetch_bars(&source.client, &symbols(&[name]), FIRST, LAST, options).await.unwrap()
    };
    let (company, old) = (ask("META", &options()).await, ask("FB", &before).await);
    assert_eq!(old.len(), company.len());
    for (old, company) in old.iter().zip(&company) {
        assert_eq!((old.session, &old.close), (company.session, &company.close));
        assert_eq!(old.symbols, symbols(&["FB"]));
    }
    let era = ask("FB", &options()).await;
    assert_eq!(era.last().unwrap().session, date(2022, 6, 8), "FB is nobody's name today");
    assert_eq!(era.len(), 6);
}

#[tokio::test]
async fn a_week_in_which_a_name_changes_is_two_weeks() {
    let market = market();
    let source = Source::at(&market, date(2022, 6, 16), 8).await;
    let midnight = |day| alpaca::time::session_time(day, jiff::civil::Time::midnight());
    let weeks = async |name: &str, asof: Option<Date>, timeframe: &str, from: Date| {
        let options = FetchOptions { asof, ..options() };
        let (span, now) = ((midnight(from), midnight(LAST)), midnight(date(2022, 7, 10)));
        let stocks = ingest::series::Market::Stocks;
        let names = symbols(&[name]);
        let fetched =
            ingest::series::fetch(&source.client, &stocks, &names, timeframe, span, now, &options);
        let fetched = fetched.await.unwrap();
        let closes = fetched.session.into_iter().zip(fetched.values[3].clone());
        closes
            .zip(fetched.values[4].clone())
            .map(|((day, close), volume)| (day, close, volume))
            .collect::<Vec<_>>()
    };
    let close = |day: Date| {
        let bars = market.bars().iter().find(|bars| bars.session == day).unwrap();
        bars.close[bars.row(&"META".into()).unwrap()]
    };
    let monday = date(2022, 6, 6);
    let eve = CHANGE.yesterday().unwrap();
    assert_eq!(weeks("FB", None, "1Week", monday).await, [(monday, close(eve), 3e6)]);
    let before = Some(date(2022, 6, 7));
    let own = weeks("META", before, "1Week", monday).await;
    assert_eq!(own[0], (monday, close(date(2022, 6, 10)), 2e6), "Thursday and Friday");
    assert_eq!(own[1].0, date(2022, 6, 13));
    assert_eq!(weeks("META", None, "1Week", monday).await[0].2, 5e6, "all of the company");
    let months = weeks("FB", None, "1Month", FIRST).await;
    assert_eq!(months, [(FIRST, close(eve), 6e6)]);
}
