//! The slow, obvious way through a day: no actors, no journal, no network. It knows the targets, sends what they ask for
//! to an exchange that always answers, and counts.

use crate::day::{Books, Day};
use exchange::{Exchange, NewOrder, OrderKind};
use messages::{Shares, Side, Symbol, Target, Targets, TimeInForce};

/// Where the account stands after the open if nothing goes wrong.
pub(crate) fn books(day: &Day, targets: &Targets) -> Books {
    let mut exchange = day.exchange.clone();
    let goal = |target: &Target| {
        let crosses = target.held.0 * target.quantity.0 < 0;
        if crosses { 0 } else { target.quantity.0 }
    };
    let wanted = || targets.targets.iter().filter(|target| target.quantity != target.held);
    let reduces = |target: &&Target| goal(target).abs() < target.held.0.abs();
    let reducers = wanted().filter(reduces);
    let openers = wanted().filter(|target| !reduces(target));
    for target in reducers.chain(openers) {
        let change = goal(target) - target.held.0;
        order(&mut exchange, &target.symbol, change, TimeInForce::Opg);
    }
    exchange.advance(day.open);
    for target in wanted().filter(|target| goal(target) != target.quantity.0) {
        if held(&exchange, &target.symbol) == Shares(0) {
            order(&mut exchange, &target.symbol, target.quantity.0, TimeInForce::Ioc);
        }
    }
    exchange.advance(day.close);
    Books::of(&exchange)
}

fn order(exchange: &mut Exchange, symbol: &Symbol, change: i64, force: TimeInForce) {
    let side = if change > 0 { Side::Buy } else { Side::Sell };
    let quantity = change.abs();
    let order = NewOrder::simple(symbol.clone(), side, quantity, OrderKind::Market, force);
    // What the venue refuses is not traded, here as there.
    drop(exchange.submit(&order));
}

fn held(exchange: &Exchange, symbol: &Symbol) -> Shares {
    let held = exchange.position(symbol.as_str());
    held.map_or(Shares(0), |held| crate::wire::shares(held.quantity))
}
