//! Sectors of another day than they are used on.

use super::*;

#[test]
fn leak_10_sectors_of_a_later_day() {
    let market = Market::new(SESSIONS, NAMES, 5);
    let last = market.history[SESSIONS - 1].session;
    let data = Dataset { sectors_as_of: last, ..market.data() };
    fires_on("10 sectors of the last day", Detector::Sectors, &Standard, data, &[]);
}

#[test]
fn leak_10_sectors_that_lie_about_their_day() {
    let sectors = |sector: &str, as_of: Date| {
        let mut market = Market::new(300, NAMES, 5);
        market.members[9].sector = sector.to_owned();
        let data = Dataset { sectors_as_of: as_of, ..market.data() };
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
    let data = Dataset { sectors_as_of: day(2015, 12, 31), ..market.data() };
    let row = "10 before 2018 in a sector made in 2018";
    fires_on(row, Detector::Sectors, &Standard, data, &[]);
}
