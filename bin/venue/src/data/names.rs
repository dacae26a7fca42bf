//! Who is meant by a share's symbol, and as of which day: companies change their names, bars keep the name
//! that was asked for. The changes are those of [`ingest::symbols`], the same that ingest undoes.
//!
//! The market lists every share under one name, today's. A change of name that lies ahead of the venue's
//! clock has not happened. Without `asof`, a listed name is that company, all of it; with one, a name is the
//! company that bore it on that day (on the day of the change still the old one, as the mapping appears
//! the day after), all of it as well, under the name that was asked for. Otherwise, and with `-`, a name
//! is whatever traded under it while it did.

use exchange::Market;
use ingest::symbols::{RENAMES, Rename};
use jiff::civil::{Date, Time as Clock};
use messages::Time;

/// An `asof`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum AsOf {
    Today,
    Day(Date),
    /// `-`
    Never,
}

/// An asset as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) asset: usize,
    /// What it is called in the answer.
    pub(super) label: &'a str,
    /// The stretch that is meant: from the first instant to the last, both included.
    pub(super) from: Time,
    pub(super) through: Time,
}

impl<'a> Named<'a> {
    pub(super) fn whole(asset: usize, label: &'a str) -> Self {
        Self { asset, label, from: Time(i64::MIN), through: Time(i64::MAX) }
    }

    /// Whom `label` stands for on the venue's day `today`; `None`: nobody.
    pub(super) fn find(market: &Market, label: &'a str, asof: AsOf, today: Date) -> Option<Self> {
        let known = || RENAMES.iter().filter(|rename| rename.effective <= today);
        // The name at the end of a chain of changes, and what it was called before those.
        let later = |counts: &dyn Fn(&Rename) -> bool| {
            let step = |name, rename: &'static Rename| match rename {
                Rename { from, to, .. } if *from == name && counts(rename) => *to,
                _ => name,
            };
            known().fold(label, step)
        };
        let earlier = |name, day: Date| {
            let step = |name, rename: &'static Rename| match rename {
                Rename { from, to, effective } if *to == name && day <= *effective => *from,
                _ => name,
            };
            known().rev().fold(name, step)
        };
        if let Some(asset) = market.find(label).filter(|_| asof == AsOf::Today) {
            return Some(Self::whole(asset, label));
        }
        if let AsOf::Day(day) = asof {
            let present = later(&|rename| day <= rename.effective);
            let asset = market.find(present).filter(|_| earlier(present, day) == label);
            if let Some(asset) = asset {
                return Some(Self::whole(asset, label));
            }
        }
        let asset = market.find(later(&|_| true))?;
        let midnight = |day| market.calendar().instant(day, Clock::midnight());
        let taken = known().rfind(|rename| rename.to == label);
        let given_up = known().find(|rename| rename.from == label);
        Some(Self {
            asset,
            label,
            from: taken.map_or(Time(i64::MIN), |rename| midnight(rename.effective)),
            through: given_up
                .map_or(Time(i64::MAX), |rename| Time(midnight(rename.effective).0 - 1)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use messages::{Bars, Symbol};
    use std::collections::BTreeMap;

    /// Lists AAPL, DOC, META.
    fn market() -> Market {
        let names = ["AAPL", "DOC", "META"].map(Symbol::from);
        let mut bars = Bars::empty(date(2018, 1, 2));
        for name in &names {
            bars.push(name.clone(), [10.0, 11.0, 9.0, 10.0, 1e6, 10.0]);
        }
        let sectors: BTreeMap<Symbol, String> =
            names.into_iter().map(|name| (name, "S".to_owned())).collect();
        Market::from_bars(vec![bars], &sectors).expect("a market")
    }

    /// The listed name of whoever is meant, and the first and last day, if not all are.
    fn found(label: &str, asof: AsOf, today: Date) -> Option<String> {
        let market = market();
        let named = Named::find(&market, label, asof, today)?;
        assert_eq!(named.label, label);
        let day = |time: Time| match time.0 {
            i64::MIN | i64::MAX => String::new(),
            _ => alpaca::time::session_date(time).to_string(),
        };
        let listed = &market.assets()[named.asset].symbol;
        Some(format!("{listed} {}..{}", day(named.from), day(named.through)))
    }

    #[test]
    fn a_name_is_whoever_bore_it_on_the_day() {
        let now = date(2025, 1, 2);
        for (label, asof, expected) in [
            ("META", AsOf::Today, "META .."),
            ("META", AsOf::Day(date(2022, 6, 10)), "META .."),
            // The mapping appears the day after.
            ("META", AsOf::Day(date(2022, 6, 9)), "META 2022-06-09.."),
            ("META", AsOf::Day(date(2020, 1, 2)), "META 2022-06-09.."),
            ("META", AsOf::Never, "META 2022-06-09.."),
            ("FB", AsOf::Today, "META ..2022-06-08"),
            ("FB", AsOf::Never, "META ..2022-06-08"),
            ("FB", AsOf::Day(date(2022, 6, 10)), "META ..2022-06-08"),
            ("FB", AsOf::Day(date(2022, 6, 9)), "META .."),
            ("FB", AsOf::Day(date(2016, 1, 4)), "META .."),
            ("HCP", AsOf::Today, "DOC ..2019-11-04"),
            ("HCP", AsOf::Day(date(2019, 11, 5)), "DOC .."),
            ("PEAK", AsOf::Never, "DOC 2019-11-05..2024-03-03"),
            ("PEAK", AsOf::Day(date(2022, 1, 3)), "DOC .."),
            ("PEAK", AsOf::Day(date(2018, 1, 3)), "DOC 2019-11-05..2024-03-03"),
            ("DOC", AsOf::Today, "DOC .."),
            ("DOC", AsOf::Never, "DOC 2024-03-04.."),
            ("AAPL", AsOf::Day(date(2018, 1, 3)), "AAPL .."),
            ("AAPL", AsOf::Never, "AAPL .."),
        ] {
            assert_eq!(found(label, asof, now).as_deref(), Some(expected), "{label} {asof:?}");
        }
        assert_eq!(found("ANTM", AsOf::Today, now), None, "ELV is not listed");
        assert_eq!(found("ZZZZ", AsOf::Never, now), None);
    }

    #[test]
    fn a_change_that_lies_ahead_has_not_happened() {
        let now = date(2020, 1, 2);
        assert_eq!(found("META", AsOf::Today, now).as_deref(), Some("META .."));
        assert_eq!(found("META", AsOf::Never, now).as_deref(), Some("META .."));
        assert_eq!(found("META", AsOf::Day(now), now).as_deref(), Some("META .."));
        assert_eq!(found("FB", AsOf::Today, now), None);
        assert_eq!(found("FB", AsOf::Day(now), now), None);
        assert_eq!(found("HCP", AsOf::Never, now), None, "PEAK, which is not listed yet");
    }
}
