//! Whatever is asked, whenever: the books balance, limits hold, and the same happens again.

use super::*;
use crate::{Event, Fill, SyntheticConfig};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

static MARKET: LazyLock<Arc<Market>> = LazyLock::new(|| {
    let config =
        SyntheticConfig { seed: 11, symbols: 4, sessions: 40, ..SyntheticConfig::default() };
    Arc::new(Market::synthetic(&config))
});

#[derive(Clone, Debug)]
enum Action {
    Submit { symbol: usize, buy: bool, quantity: i64, force: usize, limit: Option<i64> },
    Cancel(usize),
    Wait { minutes: i64 },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let limit = prop::option::weighted(0.3, 90_i64..110);
    let quantity = prop_oneof![3 => 1_i64..2_000, 1 => 10_000_i64..2_000_000];
    let submit = (0_usize..4, any::<bool>(), quantity, 0_usize..3, limit).prop_map(
        |(symbol, buy, quantity, force, limit)| Action::Submit {
            symbol,
            buy,
            quantity,
            force,
            limit,
        },
    );
    let cancel = (0_usize..40).prop_map(Action::Cancel);
    let wait = (1_i64..2_000).prop_map(|minutes| Action::Wait { minutes });
    prop::collection::vec(prop_oneof![5 => submit, 1 => cancel, 2 => wait], 1..60)
}

fn run(actions: &[Action], check: impl Fn(&Exchange)) -> (Exchange, Vec<TradeUpdate>) {
    let start = MARKET.calendar().sessions()[10].midnight;
    let mut exchange =
        Exchange::new(Arc::clone(&MARKET), ExchangeConfig::new(Usd(5_000_000_000_000), 3, start));
    let mut updates = Vec::new();
    for action in actions {
        act(&mut exchange, action);
        updates.extend(exchange.updates());
        check(&exchange);
    }
    (exchange, updates)
}

/// A refusal is an answer like any other.
fn act(exchange: &mut Exchange, action: &Action) {
    match action {
        Action::Submit { symbol, buy, quantity, force, limit } => {
            let symbol = MARKET.assets()[*symbol].symbol.clone();
            let last = MARKET.bars()[10].close[MARKET.bars()[10].row(&symbol).unwrap()];
            let limit = limit.map(|percent| (last * percent as f64).round() / 100.0);
            let _ = exchange.submit(NewOrder {
                client_order_id: None,
                side: if *buy { Side::Buy } else { Side::Sell },
                quantity: Shares(*quantity),
                kind: limit.map_or(OrderKind::Market, |limit| {
                    OrderKind::Limit(messages::Price::from_f64(limit).unwrap())
                }),
                time_in_force: [TimeInForce::Day, TimeInForce::Opg, TimeInForce::Ioc][*force],
                symbol,
            });
        }
        Action::Cancel(nth) => {
            let id = exchange.orders(&crate::OrderFilter::default());
            if let Some(id) = id.get(*nth).map(|order| order.id.clone()) {
                exchange.cancel(&id).unwrap();
            }
        }
        Action::Wait { minutes } => {
            exchange.advance(Time(exchange.now().0 + minutes * 60_000_000_000));
        }
    }
}

/// Cash and positions recomputed from executions alone.
fn ledger(fills: &[Fill]) -> (Usd, BTreeMap<Symbol, Shares>) {
    let mut cash = Usd(5_000_000_000_000);
    let mut positions: BTreeMap<Symbol, Shares> = BTreeMap::new();
    for fill in fills {
        let change = Shares(fill.side.sign() * fill.quantity.0);
        cash -= fill.price.times(change);
        *positions.entry(fill.symbol.clone()).or_default() += change;
    }
    positions.retain(|_, quantity| quantity.0 != 0);
    (cash, positions)
}

fn balances(exchange: &Exchange) {
    let (cash, positions) = ledger(exchange.fills());
    let account = exchange.account();
    assert_eq!(account.cash, cash);
    let held = exchange.positions();
    let got: BTreeMap<Symbol, Shares> =
        held.iter().map(|position| (position.symbol.clone(), position.quantity)).collect();
    assert_eq!(got, positions);
    let worth: Usd = held.iter().map(|position| position.mark.times(position.quantity)).sum();
    assert_eq!(account.equity, cash + worth);
    assert!(account.buying_power.0 >= 0);
    for position in held {
        let (whole, available) = (position.quantity.0, position.available.0);
        assert!(available.abs() <= whole.abs() && available * whole >= 0);
    }
}

/// Five percent of what each symbol traded in a session, and every order's own quantity.
fn within_limits(exchange: &Exchange, updates: &[TradeUpdate]) {
    let mut traded: BTreeMap<(usize, Symbol), i64> = BTreeMap::new();
    for fill in exchange.fills() {
        let session = MARKET.calendar().opened_by(fill.at) - 1;
        *traded.entry((session, fill.symbol.clone())).or_default() += fill.quantity.0;
    }
    for ((session, symbol), shares) in traded {
        let bars = &MARKET.bars()[session];
        let volume = bars.volume[bars.row(&symbol).unwrap()];
        assert!(shares as f64 <= volume * 0.05, "{symbol} {shares} of {volume}");
    }
    let mut last: BTreeMap<&str, Shares> = BTreeMap::new();
    for update in updates {
        let order = &update.order;
        assert!(order.filled <= order.quantity);
        let before = last.insert(&order.id, order.filled).unwrap_or_default();
        let executed = update.execution.as_ref().map_or(Shares(0), |fill| fill.quantity);
        assert_eq!(before + executed, order.filled);
        let full = order.filled == order.quantity;
        assert_eq!(full, update.event == Event::Fill, "{update:?}");
        if let (OrderKind::Limit(limit), Some(fill)) = (order.kind, &update.execution) {
            assert!(fill.side.sign() * (limit.0 - fill.price.0) >= 0, "beyond its limit: {fill:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn books_balance_and_limits_hold(actions in actions()) {
        let (exchange, updates) = run(&actions, balances);
        within_limits(&exchange, &updates);
        let numbers: Vec<u64> = updates.iter().map(|update| update.number).collect();
        prop_assert_eq!(numbers, (1..=updates.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn the_same_requests_give_the_same_events(actions in actions()) {
        let (first, told) = run(&actions, |_| {});
        let (second, again) = run(&actions, |_| {});
        prop_assert_eq!(told, again);
        prop_assert_eq!(first.account(), second.account());
        prop_assert_eq!(first.positions(), second.positions());
    }

    /// However time is cut, the same happens.
    #[test]
    fn a_long_step_is_its_short_steps(
        quantity in 1_i64..5_000,
        stops in prop::collection::btree_set(1_i64..20_000, 0..12),
    ) {
        let outcome = |stops: Vec<i64>| {
            let mut actions: Vec<Action> = (0..4)
                .map(|symbol| Action::Submit { symbol, buy: true, quantity, force: 0, limit: None })
                .collect();
            let ends = stops.iter().copied().chain([20_000]);
            let starts = [0].into_iter().chain(stops.iter().copied());
            let steps = starts.zip(ends).map(|(from, to)| Action::Wait { minutes: to - from });
            actions.extend(steps);
            run(&actions, |_| {}).1
        };
        prop_assert_eq!(outcome(vec![]), outcome(stops.into_iter().collect()));
    }
}
