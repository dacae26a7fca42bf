//! Dividends, fees, transfers, splits and changes of symbol, as whoever runs the simulation books them.

use super::*;
use crate::NewBooking;

fn booking(kind: &str, symbol: &str, amount: &str, qty: &str) -> NewBooking {
    NewBooking {
        activity_type: kind.to_owned(),
        symbol: (!symbol.is_empty()).then(|| symbol.into()),
        net_amount: decimal(amount),
        qty: (!qty.is_empty()).then(|| decimal(qty)),
        ..NewBooking::default()
    }
}

/// Long 100 A and short 40 B, after the close.
fn holding() -> Exchange {
    let mut exchange = exchange();
    place(&mut exchange, "A buy 100 opg");
    place(&mut exchange, "B sell 40 opg");
    advance(&mut exchange, 4, 20, 0);
    exchange
}

fn held(exchange: &Exchange, symbol: &str) -> PositionState {
    exchange.position(symbol).unwrap_or_else(|| panic!("no position in {symbol}"))
}

#[test]
fn cash_comes_and_goes_and_nothing_else_changes() {
    let mut exchange = holding();
    let before = exchange.account();
    let positions = exchange.positions();
    for (kind, symbol, amount, qty) in [
        ("DIV", "A", "24.00", "100"),
        ("DIV", "B", "-9.6", "-40"),
        ("FEE", "", "-1.25", ""),
        ("INT", "", "0.07", ""),
        ("CSD", "", "5000", ""),
        ("CSW", "", "-2000.5", ""),
    ] {
        exchange.book(&booking(kind, symbol, amount, qty)).expect(kind);
    }
    let moved = decimal("3012.72");
    let after = exchange.account();
    assert_eq!((after.cash, after.equity), (before.cash + moved, before.equity + moved));
    assert_eq!(exchange.positions(), positions);
    let total: Decimal = exchange.activities().iter().map(Activity::cash).sum();
    assert_eq!(after.cash, Decimal::from(100_000) + total, "the list is the ledger");
}

#[test]
fn a_split_doubles_the_shares_and_halves_the_price_of_longs_and_shorts() {
    let mut exchange = holding();
    let before = exchange.account();
    for (symbol, more) in [("A", "100"), ("B", "-40")] {
        let (old, more_shares) = (held(&exchange, symbol), decimal(more));
        exchange.book(&booking("SPLIT", symbol, "0", more)).expect(symbol);
        let new = held(&exchange, symbol);
        assert_eq!(new.quantity, old.quantity + more_shares);
        assert_eq!((new.cost, new.value), (old.cost, old.value), "worth and cost what they were");
        assert_eq!(new.mark * Decimal::TWO, old.mark);
    }
    let after = exchange.account();
    assert_eq!((after.cash, after.equity), (before.cash, before.equity));
    // Until its next tick: the market's own prices are none of the split's.
    advance(&mut exchange, 5, 12, 0);
    assert!(held(&exchange, "A").mark > decimal("95"));
}

#[test]
fn a_reverse_split_pays_for_fractions() {
    let mut exchange = holding();
    let (before, old) = (exchange.account(), held(&exchange, "A"));
    exchange.book(&booking("SPLIT", "A", "33.40", "-67")).unwrap();
    let new = held(&exchange, "A");
    assert_eq!((new.quantity, new.cost), (decimal("33"), old.cost));
    assert_eq!(exchange.account().cash, before.cash + decimal("33.40"));
}

#[test]
fn a_change_of_symbol_takes_shares_out_and_puts_shares_in() {
    let mut exchange = holding();
    let paid = held(&exchange, "A").average;
    exchange.book(&booking("NC", "A", "0", "-100")).unwrap();
    let coming = NewBooking { price: Some(paid), ..booking("NC", "C", "0", "100") };
    exchange.book(&coming).unwrap();
    assert!(exchange.position("A").is_none());
    let new = held(&exchange, "C");
    assert_eq!((new.quantity, new.average), (decimal("100"), paid));
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut exchange = holding();
    place(&mut exchange, "C buy 10 opg");
    let before = (exchange.account(), exchange.positions(), exchange.activities().len());
    for (kind, symbol, amount, qty) in [
        ("FILL", "A", "5", ""),
        ("div", "A", "5", ""),
        ("DIV", "A", "0", "100"),
        ("DIV", "ZZZZ", "5", ""),
        ("SPLIT", "", "0", "5"),
        ("SPLIT", "ETH/USD", "0", "5"),
        ("SPLIT", "A", "0", "-100"),
        ("NC", "A", "0", "-101"),
        ("NC", "C", "0", "10"),
    ] {
        assert!(exchange.book(&booking(kind, symbol, amount, qty)).is_err(), "{kind} {symbol}");
    }
    let after = (exchange.account(), exchange.positions(), exchange.activities().len());
    assert_eq!(after, before);
}

#[test]
fn a_market_that_nobody_books_on_charges_nothing_of_its_own_accord() {
    let mut exchange = holding();
    advance(&mut exchange, 8, 20, 0);
    let all_fills = exchange.activities().iter().all(|item| matches!(item, Activity::Fill(_)));
    assert!(
        all_fills,
        "no borrow fee, no regulatory fee, no interest: {:?}",
        exchange.activities()
    );
}
