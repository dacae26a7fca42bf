//! Every sequence of up to six things that a venue can say of one order: what it reserves is given back exactly once.

use super::{Book, Gate};
use crate::testing::opened;
use messages::{
    Filled, Order, OrderStatus, OrderUpdated, Price, Shares, Side, Symbol, Time, TimeInForce, Usd,
};

const DEPTH: usize = 6;
const ORDERED: i64 = 100;
const ID: &str = "au-20240103-A-0-0";

/// `true`: with the word that no more comes, as of an order that the venue made smaller.
const ALPHABET: [Said; 8] = [
    Said::Update(OrderStatus::Accepted),
    Said::Update(OrderStatus::Rejected),
    Said::Update(OrderStatus::Canceled),
    Said::Update(OrderStatus::Expired),
    Said::Fill(1, false),
    Said::Fill(40, false),
    Said::Fill(40, true),
    Said::Fill(ORDERED, false),
];

#[derive(Copy, Clone, Debug)]
enum Said {
    Update(OrderStatus),
    Fill(i64, bool),
}

/// Kept beside the gate, by the plain words of the rule: what is open is what was ordered less what was filled, until the
/// first end; after it nothing is.
#[derive(Copy, Clone, Debug, Default)]
struct Ledger {
    filled: i64,
    ended: bool,
}

#[test]
fn every_sequence_of_six_gives_back_what_was_reserved_exactly_once() {
    for side in [Side::Buy, Side::Sell] {
        let mut visited = 0;
        descend(side, &mut Vec::new(), &gate(side), Ledger::default(), &mut visited);
        let all: usize = (1..=DEPTH).map(|length| ALPHABET.len().pow(length as u32)).sum();
        assert_eq!(visited, all, "a sequence was left out");
    }
}

fn descend(side: Side, path: &mut Vec<Said>, gate: &Gate, ledger: Ledger, visited: &mut usize) {
    if path.len() == DEPTH {
        return;
    }
    for said in ALPHABET {
        path.push(said);
        *visited += 1;
        let (mut gate, mut ledger) = (gate.clone(), ledger);
        match said {
            Said::Update(status) => gate.on_order_updated(&updated(status)),
            Said::Fill(quantity, last) => {
                ledger.filled += quantity;
                gate.on_filled(&filled(side, quantity, ledger.filled, last));
            }
        }
        ledger.ended |= match said {
            Said::Update(status) => status.is_terminal(),
            Said::Fill(_, last) => last || ledger.filled >= ORDERED,
        };
        let open = if ledger.ended { 0 } else { ORDERED - ledger.filled };
        let book = gate.books[&Symbol::from("A")];
        let (reserved, other_way) = match side {
            Side::Buy => (book.buying, book.selling),
            Side::Sell => (book.selling, book.buying),
        };
        assert_eq!((reserved, other_way), (open, 0), "{side} {path:?}");
        assert_eq!(book.held, 200 + side.sign() * ledger.filled, "{side} {path:?}");
        assert_eq!(book.traded, ledger.filled, "{side} {path:?}");
        assert_eq!(gate.open.contains_key(ID), !ledger.ended, "{side} {path:?}");
        descend(side, path, &gate, ledger, visited);
        path.pop();
    }
}

/// 200 are held; an order for 100, either way, is approved.
fn gate(side: Side) -> Gate {
    let mut gate = Gate::default();
    let (mark, adv_limit) = (Some(Price(1_000_000)), Usd(1_000_000_000));
    let target = 200 + side.sign() * ORDERED;
    let book = Book { held: 200, target, mark, adv_limit, ..Book::default() };
    gate.books.insert("A".into(), book);
    let order = Order {
        client_order_id: ID.to_owned(),
        symbol: "A".into(),
        side,
        quantity: Shares(ORDERED),
        time_in_force: TimeInForce::Opg,
        leg: 0,
        reference: Price(1_000_000),
        limit: None,
    };
    let opened = opened();
    gate.check(&order, &opened, Time(0), None).unwrap();
    gate.reserve(&order, &opened, Time(0));
    gate
}

fn updated(status: OrderStatus) -> OrderUpdated {
    OrderUpdated {
        client_order_id: ID.to_owned(),
        symbol: "A".into(),
        venue_order_id: "v".to_owned(),
        status,
        reason: None,
    }
}

fn filled(side: Side, quantity: i64, cumulative: i64, last: bool) -> Filled {
    Filled {
        client_order_id: ID.to_owned(),
        symbol: "A".into(),
        side,
        quantity: Shares(quantity),
        price: Price(1_000_000),
        cumulative: Shares(cumulative),
        complete: last || cumulative >= ORDERED,
        rounding: Usd(0),
    }
}
