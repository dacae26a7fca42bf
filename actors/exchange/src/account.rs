//! What the account is worth: cash, positions, margin, buying power.

use super::exchange::Exchange;
use super::order::Activity;
use messages::{Date, Symbol, Time};
use rust_decimal::prelude::Signed;
use rust_decimal::{Decimal, RoundingStrategy};
use std::collections::BTreeMap;

/// Trading on margin takes this much equity, in dollars.
pub(super) const MARGIN_EQUITY_MIN: Decimal = Decimal::from_parts(2_000, 0, 0, false, 0);

/// What an account has at some instant, in dollars, exactly.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    pub cash: Decimal,
    /// Cash plus the value of all positions.
    pub equity: Decimal,
}

impl Worth {
    /// Cash in cents, as Alpaca states it, and the equity that goes with it.
    pub fn stated(self) -> Self {
        let cash = self.cash.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        Self { cash, equity: self.equity - self.cash + cash }
    }
}

/// Dollars at the last price: the previous close before the open, the last tick during a session, the
/// close after it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub cash: Decimal,
    /// Cash plus the value of all positions, exactly.
    pub equity: Decimal,
    /// At the close of the last session before today: cash, equity, and the maintenance margin.
    pub last_cash: Decimal,
    pub last_equity: Decimal,
    pub last_maintenance_margin: Decimal,
    pub long_value: Decimal,
    /// Not positive.
    pub short_value: Decimal,
    /// What new positions in equities may cost.
    pub buying_power: Decimal,
    /// The same by Regulation T: twice the equity that is not bound.
    pub regt_buying_power: Decimal,
    /// What coins may cost: cash.
    pub non_marginable_buying_power: Decimal,
    /// Of equities half of the gross value (Regulation T) and 30 % of it; coins count whole.
    pub initial_margin: Decimal,
    pub maintenance_margin: Decimal,
    /// Fees of coins are taken at once, there are no others.
    pub accrued_fees: Decimal,
    /// 1, 2 or 4; 1 below an equity of $2000.
    pub multiplier: u8,
    pub shorting_enabled: bool,
}

impl Account {
    /// Cash and equity as they are stated: see [`Worth::stated`].
    pub fn stated(&self) -> (Decimal, Decimal) {
        let Worth { cash, equity } = Worth { cash: self.cash, equity: self.equity }.stated();
        (cash, equity)
    }

    /// The last close's equity, stated in the same way.
    pub fn stated_last_equity(&self) -> Decimal {
        Worth { cash: self.last_cash, equity: self.last_equity }.stated().equity
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionState {
    /// Place in the market's assets.
    pub asset: usize,
    /// A pair with its slash.
    pub symbol: Symbol,
    /// Signed: negative is short.
    pub quantity: Decimal,
    /// Not held by open orders that reduce it; signed.
    pub available: Decimal,
    /// Average entry price, rounded to $0.000001 (coins: $0.000000001).
    pub average: Decimal,
    pub mark: Decimal,
    /// Quantity times mark, and what was paid; negative for a short.
    pub value: Decimal,
    pub cost: Decimal,
    /// Close of the last session before today, if the symbol has one.
    pub last_close: Option<Decimal>,
    /// What today's profit counts from: the last close for what was held then, its cost for the rest.
    pub value_before: Decimal,
}

/// One position: signed quantity, and what it cost.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) quantity: Decimal,
    pub(super) cost: Decimal,
}

impl Book {
    /// Adding adds what it cost; reducing keeps the average price.
    ///
    /// # Panics
    /// If the position changes sign at a stroke: admission makes sure that it can't.
    pub(super) fn after(self, change: Decimal, price: Decimal) -> Self {
        let quantity = self.quantity + change;
        if (self.quantity * change) >= Decimal::ZERO {
            return Self { quantity, cost: self.cost + price * change };
        }
        assert!(self.quantity * quantity >= Decimal::ZERO, "a position crossed zero");
        Self { quantity, cost: (self.cost * quantity / self.quantity).round_dp(9) }
    }
}

/// What an account is worth, kept as it changes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    /// Of equities; shorts are negative.
    pub(super) long: Decimal,
    pub(super) short: Decimal,
    pub(super) coins: Decimal,
}

impl Values {
    pub(super) fn gross(self) -> Decimal {
        self.long - self.short
    }

    fn initial_margin(self) -> Decimal {
        self.gross() / Decimal::TWO + self.coins
    }

    fn maintenance_margin(self) -> Decimal {
        self.gross() * Decimal::new(3, 1) + self.coins
    }
}

/// The account at a close.
#[derive(Copy, Clone, Debug)]
pub(super) struct Closing {
    date: Date,
    worth: Worth,
    values: Values,
}

/// Cash and positions, at last prices.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    start: Decimal,
    cash: Decimal,
    /// By place in the market's assets; never flat.
    books: BTreeMap<usize, Book>,
    /// Last price, by place in the market's assets.
    marks: Vec<Option<Decimal>>,
    values: Values,
    equities: usize,
    pub(super) activities: Vec<Activity>,
}

impl Ledger {
    pub(super) fn new(cash: Decimal, marks: Vec<Option<Decimal>>, equities: usize) -> Self {
        Self {
            start: cash,
            cash,
            books: BTreeMap::new(),
            marks,
            values: Values::default(),
            equities,
            activities: Vec::new(),
        }
    }

    pub(super) fn mark(&mut self, asset: usize, price: Decimal) {
        self.revalue(asset, |ledger| ledger.marks[asset] = Some(price));
    }

    pub(super) fn price(&self, asset: usize) -> Option<Decimal> {
        self.marks[asset]
    }

    pub(super) fn book(&self, asset: usize) -> Book {
        self.books.get(&asset).copied().unwrap_or_default()
    }

    /// Assets with a position, ascending.
    pub(super) fn held(&self) -> Vec<usize> {
        self.books.keys().copied().collect()
    }

    /// Books an activity at `price` a share or coin.
    pub(super) fn book_activity(&mut self, activity: Activity, price: Decimal) {
        let after = activity
            .asset()
            .map(|asset| (asset, self.book(asset).after(activity.quantity(), price)));
        self.book_movement(activity, after, false);
    }

    /// Books an activity that leaves a position as it is in `after`; one that `splits` its shares splits their price.
    pub(super) fn book_movement(
        &mut self,
        activity: Activity,
        after: Option<(usize, Book)>,
        splits: bool,
    ) {
        self.cash += activity.cash();
        if let Some((asset, book)) = after {
            let before = self.book(asset).quantity;
            self.revalue(asset, |ledger| {
                if let Some(mark) = ledger.marks[asset].filter(|_| splits) {
                    ledger.marks[asset] = Some((mark * before / book.quantity).round_dp(6));
                }
                if book.quantity.is_zero() {
                    ledger.books.remove(&asset);
                } else {
                    ledger.books.insert(asset, book);
                }
            });
        }
        self.activities.push(activity);
    }

    pub(super) fn equity(&self) -> Decimal {
        self.cash + self.values.long + self.values.short + self.values.coins
    }

    pub(super) fn closing(&self, date: Date) -> Closing {
        let worth = Worth { cash: self.cash, equity: self.equity() };
        Closing { date, worth, values: self.values }
    }

    fn revalue(&mut self, asset: usize, change: impl FnOnce(&mut Self)) {
        let before = self.value(asset);
        change(self);
        let after = self.value(asset);
        let coins = asset >= self.equities;
        for (value, sign) in [(before, -Decimal::ONE), (after, Decimal::ONE)] {
            let total = match value {
                _ if coins => &mut self.values.coins,
                value if value.is_sign_negative() => &mut self.values.short,
                _ => &mut self.values.long,
            };
            *total += sign * value;
        }
    }

    fn value(&self, asset: usize) -> Decimal {
        let price = self.marks[asset].unwrap_or_default();
        self.books.get(&asset).map_or(Decimal::ZERO, |book| book.quantity * price)
    }
}

impl Exchange {
    pub fn account(&self) -> Account {
        let values = self.ledger.values;
        let last = self.last_closing();
        Account {
            cash: self.ledger.cash.normalize(),
            equity: self.ledger.equity().normalize(),
            last_cash: last.worth.cash.normalize(),
            last_equity: last.worth.equity.normalize(),
            last_maintenance_margin: last.values.maintenance_margin().normalize(),
            long_value: (values.long + values.coins).normalize(),
            short_value: values.short.normalize(),
            buying_power: self.buying_power().normalize(),
            regt_buying_power: self.power_of_two().normalize(),
            non_marginable_buying_power: self.spendable().normalize(),
            initial_margin: values.initial_margin().normalize(),
            maintenance_margin: values.maintenance_margin().normalize(),
            accrued_fees: Decimal::ZERO,
            multiplier: self.multiplier(),
            shorting_enabled: self.may_short(),
        }
    }

    /// In the order of the market's assets.
    pub fn positions(&self) -> Vec<PositionState> {
        self.ledger.books.keys().map(|asset| self.position_in(*asset)).collect()
    }

    /// By ticker, pair with or without its slash, or id of the asset.
    pub fn position(&self, name: &str) -> Option<PositionState> {
        let asset = self.market.find_alias(name)?;
        self.ledger.books.contains_key(&asset).then(|| self.position_in(asset))
    }

    /// At each of `times`, which ascend and are not in the future: from activities and ticks.
    pub fn worth_at(&self, times: &[Time]) -> Vec<Worth> {
        let mut cash = self.ledger.start;
        let mut held: BTreeMap<usize, Decimal> = BTreeMap::new();
        let mut activities = self.ledger.activities.iter().peekable();
        let worth = |at: &Time| {
            while let Some(activity) = activities.next_if(|activity| activity.at() <= *at) {
                cash += activity.cash();
                if let Some(asset) = activity.asset() {
                    *held.entry(asset).or_default() += activity.quantity();
                }
            }
            held.retain(|_, quantity| !quantity.is_zero());
            let value = |(asset, quantity): (&usize, &Decimal)| {
                quantity * self.market.price(*asset, *at).unwrap_or_default()
            };
            let equity = cash + held.iter().map(value).sum::<Decimal>();
            Worth { cash: cash.normalize(), equity: equity.normalize() }
        };
        times.iter().map(worth).collect()
    }

    fn position_in(&self, asset: usize) -> PositionState {
        let info = &self.market.assets()[asset];
        let Book { quantity, cost } = self.ledger.book(asset);
        let mark = self.mark_of(asset);
        let held = self.orders.held_quantity(asset);
        let sign = quantity.signum();
        let digits = if info.is_crypto() { 9 } else { 6 };
        let last_close = self.last_close(asset);
        let kept = self.held_overnight(asset);
        let before = kept * last_close.unwrap_or(mark) + (quantity - kept) * (cost / quantity);
        PositionState {
            asset,
            symbol: info.symbol.clone(),
            quantity: quantity.normalize(),
            available: (quantity - sign * held).normalize(),
            average: (cost / quantity).round_dp(digits).normalize(),
            mark,
            value: (mark * quantity).normalize(),
            cost: cost.normalize(),
            last_close,
            value_before: before.round_dp(9).normalize(),
        }
    }

    /// What today's trades have left of the position that there was when the day began.
    fn held_overnight(&self, asset: usize) -> Decimal {
        let calendar = self.class_calendar(asset);
        let today = calendar.local(self.now).date();
        let midnight = calendar.instant(today, jiff::civil::Time::midnight());
        let recent = self.ledger.activities.iter().rev();
        let today = recent.take_while(|activity| activity.at() >= midnight);
        let changed: Decimal =
            today.filter(|activity| activity.asset() == Some(asset)).map(Activity::quantity).sum();
        let now = self.ledger.book(asset).quantity;
        let before = now - changed;
        if before * now <= Decimal::ZERO {
            Decimal::ZERO
        } else {
            now.signum() * before.abs().min(now.abs())
        }
    }

    fn last_close(&self, asset: usize) -> Option<Decimal> {
        let calendar = self.class_calendar(asset);
        let today = calendar.local(self.now).date();
        let before = calendar.sessions().partition_point(|session| session.date < today);
        self.market.close_before(asset, before)
    }

    /// Admission lets nobody trade a symbol that never had a price.
    pub(super) fn mark_of(&self, asset: usize) -> Decimal {
        self.ledger.price(asset).expect("held or ordered, so it has a price")
    }

    /// 4: four times what the last close left above the maintenance margin, less what positions have
    /// grown by since. 2: twice the equity that is not bound. 1: cash. Open orders count as filled.
    /// Never negative.
    pub(super) fn buying_power(&self) -> Decimal {
        match self.multiplier() {
            4.. => {
                let last = self.last_closing();
                let free = last.worth.equity - last.values.maintenance_margin();
                let bound = self.ledger.values.coins - last.values.coins;
                let grown = (self.ledger.values.gross() - last.values.gross()).max(Decimal::ZERO);
                let power = (free - bound) * Decimal::from(4) - grown;
                (power - self.orders_held()).max(Decimal::ZERO)
            }
            2 | 3 => self.power_of_two(),
            _ => self.spendable(),
        }
    }

    /// 2 and 4 are for those who have $2000; the owner may want less.
    pub(super) fn multiplier(&self) -> u8 {
        let allowed = self.config.multiplier.min(self.permissions.multiplier_max);
        if self.ledger.equity() < MARGIN_EQUITY_MIN { 1 } else { allowed }
    }

    pub(super) fn may_short(&self) -> bool {
        self.permissions.short && self.multiplier() > 1
    }

    /// Cash that no open order counts on. Never negative.
    pub(super) fn spendable(&self) -> Decimal {
        (self.ledger.cash - self.orders_held()).max(Decimal::ZERO)
    }

    fn power_of_two(&self) -> Decimal {
        let free = self.ledger.equity() - self.ledger.values.initial_margin();
        let power = free.max(Decimal::ZERO) * Decimal::TWO;
        (power - self.orders_held()).max(Decimal::ZERO)
    }

    fn orders_held(&self) -> Decimal {
        self.orders.held_cash(false) + self.orders.held_cash(true)
    }

    /// Of the last session before today; before the first there was cash and nothing else.
    fn last_closing(&self) -> Closing {
        let today = self.market.calendar().local(self.now).date();
        let before = |close: &&Closing| close.date < today;
        let last = self.closings.iter().flatten().rev().find(before).copied();
        let worth = Worth { cash: self.ledger.start, equity: self.ledger.start };
        let start = Closing { date: today, worth, values: Values::default() };
        last.unwrap_or(start)
    }
}
