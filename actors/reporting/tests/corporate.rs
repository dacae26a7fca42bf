//! Splits and reorganisations: shares move, cost stays, nothing becomes profit that is none.

use messages::{Booked, BookedKind, Date, Filled, Holding, Price, Shares, Side, Symbol, Time, Usd};
use proptest::prelude::*;
use reporting::Ledger;

const DAY: Date = Date::constant(2024, 6, 10);

fn held(symbol: &str, quantity: i64, average: i64) -> Holding {
    let (average, mark) = (Price(average * 1_000_000), Price(1_000_000));
    Holding { symbol: symbol.into(), quantity: Shares(quantity), average, mark, rounding: Usd(0) }
}

fn booked(kind: BookedKind, symbol: &str, shares: i64, dollars: i64) -> Booked {
    Booked {
        activity: format!("{symbol} {shares}"),
        date: DAY,
        kind,
        symbol: Some(symbol.into()),
        amount: Usd(dollars * 1_000_000),
        shares: Shares(shares),
        description: "so the venue says".to_owned(),
        before_open: true,
    }
}

fn trade(ledger: &mut Ledger, at: Time, symbol: &str, change: i64, price: Price) {
    let quantity = Shares(change.abs());
    let fill = Filled {
        client_order_id: "x".to_owned(),
        symbol: symbol.into(),
        side: if change > 0 { Side::Buy } else { Side::Sell },
        quantity,
        price,
        cumulative: quantity,
        complete: true,
        rounding: Usd(0),
    };
    ledger.fill(at, &fill);
}

/// Quantity, average cost and cost by lots.
fn of(ledger: &Ledger, symbol: &str) -> (i64, Usd, Usd) {
    let name = &ledger.names()[&Symbol::from(symbol)];
    assert_eq!(name.lots.quantity(), name.position.quantity);
    (name.position.quantity.0, name.position.cost, name.lots.cost())
}

fn usd(dollars: i64) -> Usd {
    Usd(dollars * 1_000_000)
}

#[test]
fn a_split_multiplies_shares_and_keeps_what_they_cost() {
    let mut ledger = Ledger::new(usd(1_000), &[held("A", 10, 99), held("S", -10, 50)]);
    ledger.book(&booked(BookedKind::Split, "A", 20, 0));
    ledger.book(&booked(BookedKind::Split, "S", -30, 0));
    assert_eq!(of(&ledger, "A"), (30, usd(990), usd(990)));
    assert_eq!(of(&ledger, "S"), (-40, usd(-500), usd(-500)));
    assert_eq!((ledger.realised(), ledger.cash()), (Usd(0), usd(1_000)));
    assert_eq!(ledger.booked().adopted, Usd(0));
    // Half of the shares at the old price's third is no profit.
    trade(&mut ledger, Time(1), "A", -15, Price(33_000_000));
    assert_eq!((ledger.realised(), ledger.realised_fifo()), (Usd(0), Usd(0)));
}

#[test]
fn a_split_in_two_halves_is_the_same_in_either_order() {
    let halves = [booked(BookedKind::Split, "A", -10, 0), booked(BookedKind::Split, "A", 40, 0)];
    for order in [[0, 1], [1, 0]] {
        let mut ledger = Ledger::new(Usd(0), &[held("A", 10, 100)]);
        for half in order {
            ledger.book(&halves[half]);
        }
        assert_eq!(of(&ledger, "A"), (40, usd(1_000), usd(1_000)), "{order:?}");
        assert_eq!(ledger.realised(), Usd(0));
    }
}

#[test]
fn a_new_symbol_takes_cost_and_age_along_in_either_order() {
    let halves = [
        booked(BookedKind::Reorganisation, "FB", -10, 0),
        booked(BookedKind::Reorganisation, "META", 10, 0),
    ];
    for order in [[0, 1], [1, 0]] {
        let mut ledger = Ledger::new(Usd(0), &[]);
        trade(&mut ledger, Time(5), "FB", 10, Price(300_000_000));
        for half in order {
            ledger.book(&halves[half]);
        }
        // All of the day is booked: what went and what came belong together.
        ledger.adopt(DAY, ledger.cash(), &[held("META", 10, 300)], None);
        assert_eq!(of(&ledger, "META"), (10, usd(3_000), usd(3_000)), "{order:?}");
        assert_eq!(of(&ledger, "FB").0, 0);
        let opened: Vec<_> =
            ledger.names()[&Symbol::from("META")].lots.iter().map(|lot| lot.opened).collect();
        assert_eq!(opened, [Some(Time(5))]);
        assert_eq!((ledger.realised(), ledger.realised_fifo()), (Usd(0), Usd(0)));
    }
}

#[test]
fn a_merger_for_cash_is_a_sale_and_a_fraction_paid_out_is_realised() {
    let mut ledger = Ledger::new(Usd(0), &[held("TWTR", 10, 40), held("A", 5, 10)]);
    ledger.book(&booked(BookedKind::Reorganisation, "TWTR", -10, 542));
    assert_eq!((ledger.realised(), ledger.cash()), (usd(142), usd(542)));
    ledger.book(&booked(BookedKind::Split, "A", 2, 4));
    assert_eq!(of(&ledger, "A"), (7, usd(50), usd(50)));
    assert_eq!((ledger.realised(), ledger.realised_fifo()), (usd(146), usd(146)));
}

#[test]
fn shares_that_nothing_is_given_for_are_lost_and_the_books_balance() {
    let mut ledger = Ledger::new(usd(100), &[held("BBBY", 10, 7)]);
    ledger.book(&booked(BookedKind::Reorganisation, "BBBY", -10, 0));
    ledger.adopt(DAY, usd(100), &[], None);
    assert_eq!((ledger.realised(), ledger.realised_fifo()), (usd(-70), usd(-70)));
    assert_eq!(ledger.booked().adopted, Usd(0));
    assert_eq!(ledger.cash(), ledger.opening() + ledger.realised());
}

/// A split in two halves of A and of B on one day: each name's shares cost what its own cost, whatever comes first.
#[test]
fn two_splits_in_halves_on_one_day_keep_to_their_names_in_every_order() {
    let halves = [("A", -10), ("A", 100), ("B", -20), ("B", 40)]
        .map(|(symbol, shares)| booked(BookedKind::Split, symbol, shares, 0));
    for order in orders_of_four() {
        let mut ledger = Ledger::new(Usd(0), &[held("A", 10, 100), held("B", 20, 7)]);
        for half in order {
            ledger.book(&halves[half]);
        }
        assert_eq!(of(&ledger, "A"), (100, usd(1_000), usd(1_000)), "{order:?}");
        assert_eq!(of(&ledger, "B"), (40, usd(140), usd(140)), "{order:?}");
        assert_eq!((ledger.realised(), ledger.realised_fifo()), (Usd(0), Usd(0)));
    }
}

/// A split in two halves and a change of symbol on one day: what is left when each name has its own belongs together.
#[test]
fn a_split_and_a_new_symbol_on_one_day_are_told_apart_in_every_order() {
    let halves = [("A", -10), ("A", 100), ("FB", -20), ("META", 20)]
        .map(|(symbol, shares)| booked(BookedKind::Reorganisation, symbol, shares, 0));
    for order in orders_of_four() {
        let mut ledger = Ledger::new(Usd(0), &[held("A", 10, 100), held("FB", 20, 7)]);
        for half in order {
            ledger.book(&halves[half]);
        }
        ledger.adopt(DAY, Usd(0), &[held("A", 100, 10), held("META", 20, 7)], None);
        assert_eq!(of(&ledger, "A"), (100, usd(1_000), usd(1_000)), "{order:?}");
        assert_eq!(of(&ledger, "META"), (20, usd(140), usd(140)), "{order:?}");
        assert_eq!((ledger.realised(), ledger.realised_fifo()), (Usd(0), Usd(0)));
        assert_eq!(ledger.booked().adopted, Usd(0), "{order:?}");
    }
}

/// Two changes of symbol on one day, which no word of the venue tells apart: nobody's cost is given to the wrong name
/// in silence, and the sum stays right.
#[test]
fn two_new_symbols_on_one_day_are_not_guessed() {
    let halves = [("A", -10), ("X", 10), ("B", -20), ("Y", 20)]
        .map(|(symbol, shares)| booked(BookedKind::Reorganisation, symbol, shares, 0));
    for order in orders_of_four() {
        let mut ledger = Ledger::new(Usd(0), &[held("A", 10, 100), held("B", 20, 7)]);
        for half in order {
            ledger.book(&halves[half]);
        }
        ledger.adopt(DAY, Usd(0), &[held("X", 10, 100), held("Y", 20, 7)], None);
        assert_eq!(
            (of(&ledger, "X"), of(&ledger, "Y")),
            ((10, Usd(0), Usd(0)), (20, Usd(0), Usd(0)))
        );
        assert_eq!((ledger.realised(), ledger.realised_fifo()), (usd(-1_140), usd(-1_140)));
        let said: Vec<&str> = ledger.entries().iter().map(|one| one.explanation.as_str()).collect();
        for (gone, cost) in [("A", "1000.00"), ("B", "140.00")] {
            let told =
                |one: &&&str| one.contains(&format!("shares of {gone} went")) && one.contains(cost);
            assert_eq!(said.iter().filter(told).count(), 1, "{order:?} {said:?}");
        }
    }
}

/// Every order of four things.
fn orders_of_four() -> Vec<[usize; 4]> {
    let all = (0..256).map(|n: usize| [n / 64, n / 16 % 4, n / 4 % 4, n % 4]);
    all.filter(|order| (0..4).all(|one| order.contains(&one))).collect()
}

proptest! {
    /// Whatever is held in however many lots: a split changes no money, and the lots stay in order and on one side.
    #[test]
    fn no_split_makes_or_loses_money(
        sizes in prop::collection::vec((1_i64..400, 1_i64..1_000_000_000), 1..8),
        short in any::<bool>(),
        to in 1_i64..50,
        from in 1_i64..50,
    ) {
        let sign = if short { -1 } else { 1 };
        let mut ledger = Ledger::new(Usd(0), &[]);
        for ((size, price), at) in sizes.iter().zip(1..) {
            trade(&mut ledger, Time(at), "A", sign * size, Price(*price));
        }
        let (held, cost, _) = of(&ledger, "A");
        let after = (held.abs() * to / from).max(1) * sign;
        ledger.book(&booked(BookedKind::Split, "A", after - held, 0));
        prop_assert_eq!(of(&ledger, "A"), (after, cost, cost));
        let lots: Vec<_> = ledger.names()[&Symbol::from("A")].lots.iter().copied().collect();
        prop_assert!(lots.windows(2).all(|pair| pair[0].opened < pair[1].opened));
        prop_assert!(lots.iter().all(|lot| lot.held.quantity.0.signum() == sign));
        // Closed again at one price: both methods realise the same, and all of it.
        let before = ledger.cash();
        trade(&mut ledger, Time(99), "A", -after, Price(1_000_000));
        prop_assert_eq!(ledger.realised(), ledger.realised_fifo());
        prop_assert_eq!(ledger.realised(), ledger.cash() - before - cost);
    }
}
