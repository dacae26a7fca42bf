//! Sectors of another day than they are used on.

use super::*;

fn speaking_for(market: &Market, sectors_as_of: Date) -> Dataset<'_> {
    let known = market.history[0].session;
    Dataset::listed(&market.history, &market.members, known, sectors_as_of)
}

#[test]
fn leak_10_sectors_of_a_later_day() {
    let market = Market::new(SESSIONS, NAMES, 5);
    let last = market.history[SESSIONS - 1].session;
    let data = speaking_for(&market, last);
    fires_on("10 sectors of the last day", Detector::Sectors, &Standard, data, &[]);
}

#[test]
fn leak_10_sectors_that_lie_about_their_day() {
    let sectors = |sector: &str, as_of: Date| {
        let mut market = Market::new(360, NAMES, 5);
        market.members[9].sector = sector.to_owned();
        let data = speaking_for(&market, as_of);
        let raw = Standard.panel(data, &small(), quiet()).unwrap();
        let case = Case {
            pipeline: &Standard,
            data,
            config: &small(),
            raw: &raw,
            panel: &raw,
            folds: &[],
            trials: &[],
        };
        let findings = structure::findings(case);
        findings.into_iter().find(|f| f.detector == Detector::Sectors).unwrap().status
    };
    let (communication, estate) = ("Communication Services", "Real Estate");
    let day = Date::constant;
    assert_eq!(sectors(communication, day(2018, 9, 27)), Status::Fail);
    assert_eq!(sectors(communication, day(2018, 9, 28)), Status::Hindsight);
    assert_eq!(sectors(estate, day(2016, 8, 31)), Status::Fail);
    assert_eq!(sectors(estate, day(2016, 9, 1)), Status::Pass);
    assert_eq!(sectors("Energy", day(2016, 1, 1)), Status::Pass);

    let mut market = Market::new(SESSIONS, NAMES, 5);
    market.members[9].sector = communication.to_owned();
    let data = speaking_for(&market, day(2015, 12, 31));
    let row = "10 before 2018 in a sector made in 2018";
    fires_on(row, Detector::Sectors, &Standard, data, &[]);
}
