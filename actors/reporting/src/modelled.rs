//! What trading would have cost a real account: regulatory fees by the dated table, borrow over calendar days.
//! A model's figures, of no account: what an account really paid is in the ledger, as its venue reports it.

use crate::ledger::Ledger;
use crate::record::Execution;
use costs::{BORROW_LOT, DayFees, EASY_TO_BORROW, Fee, borrow};
use messages::{Date, Price, Shares, Side, Symbol, Usd};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modelled {
    /// Each fee as an account is charged: summed over a day, rounded up to the cent.
    pub fees: BTreeMap<Fee, Usd>,
    /// Of positions short over night, from close to the next session, each name rounded up to the cent.
    pub borrow: Usd,
    pub names: BTreeMap<Symbol, NameCosts>,
    /// Fees that a session could not be charged with because their rate on its date is not known: the first and
    /// the last such session.
    pub left_out: BTreeMap<Fee, (Date, Date)>,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct NameCosts {
    /// Before the day's rounding: names sum to the total less [`Modelled::rounding`].
    pub fees: Usd,
    pub borrow: Usd,
}

impl Modelled {
    pub fn fees_total(&self) -> Usd {
        self.fees.values().copied().sum()
    }

    pub fn total(&self) -> Usd {
        self.fees_total() + self.borrow
    }

    /// Part of the fees that is in no name: what rounding up each day's sums adds.
    pub fn rounding(&self) -> Usd {
        self.fees_total() - self.names.values().map(|name| name.fees).sum()
    }

    pub(crate) fn fees(&mut self, date: Date, fills: &[Execution]) {
        if fills.is_empty() {
            return;
        }
        let (known, unknown) = Fee::known(date);
        for fee in unknown {
            self.left_out.entry(fee).or_insert((date, date)).1 = date;
        }
        let mut account = day(date, &known);
        let mut names: BTreeMap<&Symbol, DayFees> = BTreeMap::new();
        for fill in fills {
            let side = if fill.change.0 > 0 { Side::Buy } else { Side::Sell };
            let name = names.entry(&fill.symbol).or_insert_with(|| day(date, &known));
            for fees in [&mut account, name] {
                fees.add(side, fill.change.abs(), fill.price);
            }
        }
        for (fee, owed) in account.settle() {
            *self.fees.entry(fee).or_default() += owed;
        }
        for (symbol, fees) in names {
            let exact: Usd = fees.exact().into_iter().map(|(_, owed)| owed).sum();
            self.names.entry(symbol.clone()).or_default().fees += exact;
        }
    }

    /// From the close of `from` to the session `to`, at the closing marks.
    pub(crate) fn borrow(
        &mut self,
        ledger: &Ledger,
        marks: &BTreeMap<Symbol, Price>,
        from: Date,
        to: Date,
    ) {
        let days = u32::try_from((to - from).get_days()).unwrap_or(0);
        for (symbol, held) in ledger.positions().filter(|(_, held)| held.quantity.0 < 0) {
            let Some(mark) = marks.get(symbol) else { continue };
            let lots = Shares((-held.quantity.0 + BORROW_LOT - 1) / BORROW_LOT * BORROW_LOT);
            let owed = borrow(mark.times(lots), EASY_TO_BORROW, days);
            self.borrow += owed;
            self.names.entry(symbol.clone()).or_default().borrow += owed;
        }
    }
}

fn day(date: Date, known: &[Fee]) -> DayFees {
    DayFees::new(date, known).expect("their rates are known")
}
