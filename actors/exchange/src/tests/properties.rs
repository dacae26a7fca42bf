//! Whatever is asked, whenever: the books balance, limits hold, and the same happens again.

use super::*;
use crate::{
    Activity, ClosePosition, Event, OrderFilter, OrderState, Part, ReplaceOrder, Scope, Status,
    SyntheticConfig, Worth,
};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

static MARKET: LazyLock<Arc<Market>> = LazyLock::new(|| {
    let config =
        SyntheticConfig { seed: 11, symbols: 4, sessions: 40, ..SyntheticConfig::default() };
    Arc::new(Market::synthetic(&config))
});

const FORCES: [TimeInForce; 8] = [
    TimeInForce::Day,
    TimeInForce::Day,
    TimeInForce::Gtc,
    TimeInForce::Gtc,
    TimeInForce::Opg,
    TimeInForce::Cls,
    TimeInForce::Ioc,
    TimeInForce::Fok,
];
const CASH: Usd = Usd(5_000_000_000_000);

#[derive(Clone, Debug)]
enum Action {
    Submit(Box<Wish>),
    Cancel(usize),
    CancelAll,
    Replace { nth: usize, quantity: Option<i64>, percent: Option<i64> },
    Close { nth: usize, percent: i64 },
    CloseAll { cancel_orders: bool },
    Lag { seconds: i64 },
    Wait { minutes: i64 },
}

/// An order in terms of the prices there are; not all of them make sense.
#[derive(Clone, Debug)]
struct Wish {
    asset: usize,
    buy: bool,
    size: WishedSize,
    force: usize,
    kind: usize,
    class: usize,
    /// Percent of the last price.
    limit: i64,
    stop: i64,
}

#[derive(Clone, Debug)]
enum WishedSize {
    Shares(i64),
    Milli(i64),
    Dollars(i64),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let size = prop_oneof![
        5 => (1_i64..2_000).prop_map(WishedSize::Shares),
        1 => (10_000_i64..2_000_000).prop_map(WishedSize::Shares),
        2 => (1_i64..50_000).prop_map(WishedSize::Milli),
        1 => (1_i64..50_000).prop_map(WishedSize::Dollars),
    ];
    let wish = (
        0_usize..6,
        any::<bool>(),
        size,
        0_usize..8,
        0_usize..8,
        0_usize..9,
        96_i64..105,
        96_i64..105,
    )
        .prop_map(|(asset, buy, size, force, kind, class, limit, stop)| {
            Action::Submit(Box::new(Wish { asset, buy, size, force, kind, class, limit, stop }))
        });
    let percent = prop::option::of(96_i64..105);
    let replace = (0_usize..10, prop::option::of(1_i64..2_000), percent)
        .prop_map(|(nth, quantity, percent)| Action::Replace { nth, quantity, percent });
    let close = (0_usize..6, 1_i64..101).prop_map(|(nth, percent)| Action::Close { nth, percent });
    let action = prop_oneof![
        12 => wish,
        2 => (0_usize..20).prop_map(Action::Cancel),
        3 => replace,
        2 => close,
        1 => Just(Action::CancelAll),
        1 => any::<bool>().prop_map(|cancel_orders| Action::CloseAll { cancel_orders }),
        1 => (0_i64..120).prop_map(|seconds| Action::Lag { seconds }),
        4 => (1_i64..90).prop_map(|minutes| Action::Wait { minutes }),
        2 => (90_i64..2_000).prop_map(|minutes| Action::Wait { minutes }),
    ];
    prop::collection::vec(action, 1..60)
}

fn start(partial_fills: f64) -> Exchange {
    let session = MARKET.calendar().sessions()[10];
    let mut config = ExchangeConfig::new(CASH, 3, Time(session.open.0 - 3_600_000_000_000));
    config.partial_fills = partial_fills;
    Exchange::new(Arc::clone(&MARKET), config)
}

fn run(
    actions: &[Action],
    mut check: impl FnMut(&Exchange, &[TradeUpdate]),
) -> (Exchange, Vec<TradeUpdate>) {
    let mut exchange = start(if actions.len().is_multiple_of(2) { 0.3 } else { 0.0 });
    let mut updates = Vec::new();
    for action in actions {
        act(&mut exchange, action);
        let news = exchange.updates();
        check(&exchange, &news);
        updates.extend(news);
    }
    (exchange, updates)
}

/// A refusal is an answer like any other.
fn act(exchange: &mut Exchange, action: &Action) {
    let open = |exchange: &Exchange, nth: usize| {
        exchange.orders(&OrderFilter::default()).get(nth).map(|order| order.id.clone())
    };
    match action {
        Action::Submit(wish) => {
            let _ = exchange.submit(&wish.order(exchange));
        }
        Action::Cancel(nth) => {
            if let Some(id) = open(exchange, *nth) {
                let _ = exchange.cancel(&id);
            }
        }
        Action::CancelAll => drop(exchange.cancel_all()),
        Action::Replace { nth, quantity, percent } => {
            let Some(id) = open(exchange, *nth) else { return };
            let order = exchange.order(&id).unwrap();
            let last = MARKET.price(order.asset, exchange.now()).unwrap();
            let price = percent.map(|percent| cents(last * Decimal::new(percent, 2)));
            let change = ReplaceOrder {
                quantity: quantity.map(Decimal::from),
                limit: price.filter(|_| order.kind.limit().is_some()),
                stop: price.filter(|_| order.stop().is_some() && order.kind.limit().is_none()),
                ..ReplaceOrder::default()
            };
            let _ = exchange.replace(&id, &change);
        }
        Action::Close { nth, percent } => {
            let symbol = MARKET.assets()[*nth].symbol.clone();
            let part = Part::Percentage(Decimal::from(*percent));
            let _ = exchange.close_position(&ClosePosition { symbol, part });
        }
        Action::CloseAll { cancel_orders } => drop(exchange.close_all(*cancel_orders)),
        Action::Lag { seconds } => exchange.set_lag(seconds * 1_000_000_000),
        Action::Wait { minutes } => {
            exchange.advance(Time(exchange.now().0 + minutes * 60_000_000_000));
        }
    }
}

fn cents(price: Decimal) -> Decimal {
    price.round_dp(if price >= Decimal::ONE { 2 } else { 4 })
}

impl Wish {
    fn order(&self, exchange: &Exchange) -> NewOrder {
        // Four equities, then two pairs.
        let info = &MARKET.assets()[self.asset];
        let last = MARKET.price(self.asset, exchange.now()).unwrap();
        let at = |percent: i64| cents(last * Decimal::new(percent, 2));
        let (limit, stop) = (at(self.limit), at(self.stop));
        let trail = Trail::Percent(Decimal::from(self.limit - 95));
        let kind = match self.kind {
            0..4 => OrderKind::Market,
            4 => OrderKind::Limit { limit },
            5 => OrderKind::Stop { stop },
            6 => OrderKind::StopLimit { stop, limit },
            _ => OrderKind::TrailingStop { trail },
        };
        let (far, near) = if self.buy { (103, 97) } else { (97, 103) };
        let stop_loss = StopLoss { stop: at(near), limit: None };
        let class = match self.class {
            0 => OrderClass::Bracket { take_profit: at(far), stop_loss },
            1 => OrderClass::Oto(Exit::TakeProfit(at(far))),
            2 => OrderClass::Oto(Exit::StopLoss(stop_loss)),
            3 => OrderClass::Oco { stop_loss: StopLoss { stop: at(far), limit: None } },
            _ => OrderClass::Simple,
        };
        let kind = match class {
            OrderClass::Oco { .. } => OrderKind::Limit { limit: at(near) },
            _ => kind,
        };
        let force = FORCES[self.force];
        NewOrder {
            client_order_id: None,
            symbol: info.symbol.clone(),
            side: if self.buy { Side::Buy } else { Side::Sell },
            size: match self.size {
                WishedSize::Shares(shares) => Size::Quantity(Decimal::from(shares)),
                WishedSize::Milli(milli) => Size::Quantity(Decimal::new(milli, 3)),
                WishedSize::Dollars(dollars) => Size::Notional(Decimal::from(dollars)),
            },
            kind,
            time_in_force: force,
            class,
            extended_hours: false,
            position_intent: None,
        }
    }
}

/// Cash and positions recomputed from what the account was told of, to the last digit.
fn balances(exchange: &Exchange) {
    let mut cash = Decimal::new(CASH.0, 6);
    let mut positions: BTreeMap<usize, Decimal> = BTreeMap::new();
    for activity in exchange.activities() {
        let (change, money) = match activity {
            Activity::Fill(fill) => {
                let signed = fill.quantity * Decimal::from(fill.side.sign());
                (signed, -fill.price * signed)
            }
            Activity::Fee(fee) => (-fee.coins, -fee.dollars),
            Activity::Booking(booking) => panic!("nobody booked {booking:?}"),
        };
        cash += money;
        *positions.entry(activity.asset().unwrap()).or_default() += change;
    }
    positions.retain(|_, quantity| !quantity.is_zero());
    let account = exchange.account();
    assert_eq!(account.cash, cash);
    let held = exchange.positions();
    let got: BTreeMap<usize, Decimal> =
        held.iter().map(|held| (held.asset, held.quantity)).collect();
    assert_eq!(got, positions);
    let worth: Decimal = held.iter().map(|held| held.mark * held.quantity).sum();
    assert_eq!(account.equity, cash + worth);
    let worth = exchange.worth_at(&[exchange.now()]).remove(0);
    assert_eq!(worth, Worth { cash: account.cash, equity: account.equity });
    assert!(!account.buying_power.is_sign_negative());
    let open = exchange.orders(&OrderFilter { limit: None, ..OrderFilter::default() });
    for position in held {
        let (whole, available) = (position.quantity, position.available);
        assert!(
            available.abs() <= whole.abs() && available * whole >= Decimal::ZERO,
            "{position:?}"
        );
        assert!(
            whole > Decimal::ZERO
                || whole.is_integer() && !MARKET.assets()[position.asset].is_crypto()
        );
        reserved_once(&open, position.asset, (whole - available).abs());
    }
}

/// What is not available of a position is what open orders are to close of it. A replacement on its way
/// holds the larger of the two.
fn reserved_once(open: &[OrderState], asset: usize, held: Decimal) {
    let of_asset = |order: &&OrderState| order.asset == asset && !order.opens();
    let working = open.iter().filter(of_asset).filter(|order| order.status != Status::Held);
    let mut total = Decimal::ZERO;
    for order in working {
        let replaced = order.replaces.as_ref().and_then(|id| open.iter().find(|old| old.id == *id));
        let excess = replaced.map_or(order.remaining(), |old| {
            (order.remaining() - old.remaining()).max(Decimal::ZERO)
        });
        total += excess;
    }
    assert_eq!(total, held, "held back of asset {asset}");
}

/// Each order's updates as one story: what has ended stays ended, fills add up, the state is the one
/// that the event says.
#[derive(Default)]
struct Stories {
    last: BTreeMap<String, (Status, Decimal)>,
    count: u64,
}

impl Stories {
    fn go_on(&mut self, news: &[TradeUpdate]) {
        for update in news {
            self.count += 1;
            assert_eq!(update.number, self.count);
            let order = &update.order;
            let before = self.last.get(&order.id).copied();
            let (was, filled) = before.unwrap_or((Status::PendingNew, Decimal::ZERO));
            let late =
                matches!(update.event, Event::OrderCancelRejected | Event::OrderReplaceRejected);
            assert!(!was.is_terminal() || late && was == order.status, "{was} then {update:?}");
            assert!(order.filled <= order.quantity, "{update:?}");
            let executed = update.execution.as_ref().map_or(Decimal::ZERO, |fill| fill.quantity);
            assert_eq!(filled + executed, order.filled, "{update:?}");
            assert_eq!(
                update.execution.is_some(),
                matches!(update.event, Event::Fill | Event::PartialFill)
            );
            let same_word = update.event.to_string() == order.status.to_string();
            let known = match update.event {
                Event::Fill => order.status == Status::Filled && order.filled == order.quantity,
                Event::PartialFill => {
                    order.status == Status::PartiallyFilled && !order.remaining().is_zero()
                }
                Event::Restated | Event::OrderCancelRejected | Event::OrderReplaceRejected => true,
                _ => same_word,
            };
            assert!(known, "{update:?}");
            if let (Some(limit), Some(fill)) = (order.kind.limit(), &update.execution) {
                let better = (limit - fill.price) * Decimal::from(fill.side.sign());
                assert!(better >= Decimal::ZERO, "beyond its limit: {fill:?}");
            }
            self.last.insert(order.id.clone(), (order.status, order.filled));
        }
    }

    /// What is listed is what was told.
    fn agree(&self, exchange: &Exchange) {
        let all = OrderFilter { scope: Scope::All, ..OrderFilter::default() };
        for order in exchange.orders(&all) {
            // A leg that waits has no story yet, nor has a replacement on its way.
            if let Some((status, filled)) = self.last.get(&order.id) {
                assert_eq!((order.status, order.filled), (*status, *filled), "{order:?}");
            } else {
                assert!(matches!(order.status, Status::Held | Status::PendingNew), "{order:?}");
            }
        }
    }
}

/// Five percent of what each symbol traded in a session.
fn within_volume(exchange: &Exchange) {
    let mut traded: BTreeMap<(usize, usize), Decimal> = BTreeMap::new();
    for fill in exchange.fills() {
        let class = MARKET.assets()[fill.asset].class;
        let calendar = MARKET.calendar_of(class);
        // A fill at the close is of the session that closes.
        let session = calendar
            .opened_by(Time(fill.at.0 - i64::from(calendar.session_at(fill.at).is_none())))
            - 1;
        *traded.entry((fill.asset, session)).or_default() += fill.quantity;
    }
    for ((asset, session), quantity) in traded {
        let volume = MARKET.daily(asset, session).unwrap().volume;
        assert!(quantity <= volume * Decimal::new(5, 2), "{asset}: {quantity} of {volume}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn books_balance_and_limits_hold(actions in actions()) {
        let mut stories = Stories::default();
        let (exchange, _) = run(&actions, |exchange, news| {
            stories.go_on(news);
            stories.agree(exchange);
            balances(exchange);
        });
        within_volume(&exchange);
    }

    #[test]
    fn the_same_requests_give_the_same_events(actions in actions()) {
        let (first, told) = run(&actions, |_, _| {});
        let (second, again) = run(&actions, |_, _| {});
        prop_assert_eq!(told, again);
        prop_assert_eq!(first.account(), second.account());
        prop_assert_eq!(first.positions(), second.positions());
    }

    /// However time is cut, the same happens.
    #[test]
    fn a_long_step_is_its_short_steps(
        actions in actions(),
        stops in prop::collection::btree_set(1_i64..5_000, 0..12),
    ) {
        let outcome = |stops: Vec<i64>| {
            let (mut exchange, mut updates) = run(&actions, |_, _| {});
            let begin = exchange.now().0;
            for stop in stops.into_iter().chain([5_000]) {
                exchange.advance(Time(begin + stop * 60_000_000_000));
                updates.extend(exchange.updates());
            }
            (updates, exchange.account(), exchange.positions())
        };
        prop_assert_eq!(outcome(vec![]), outcome(stops.into_iter().collect()));
    }
}
