//! The order list of a run: what two runs that did the same agree on, byte for byte.

use messages::{Date, Order};
use sha2::{Digest, Sha256};

/// `session symbol side quantity client_order_id`, single spaces, without the line feed:
/// `2024-01-03 BRK.B buy 120 au-20240103-BRK.B-0-0`.
pub fn order_line(session: Date, order: &Order) -> String {
    let Order { client_order_id, symbol, side, quantity, .. } = order;
    format!("{session} {symbol} {side} {} {client_order_id}", quantity.0)
}

/// Orders as execution submitted them, session after session, each session in journal order.
#[derive(Clone, Debug, Default)]
pub struct OrderLog {
    hash: Sha256,
    orders: u64,
}

impl OrderLog {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, session: Date, order: &Order) {
        self.push_line(&order_line(session, order));
    }

    pub(crate) fn push_line(&mut self, line: &str) {
        self.hash.update(line);
        self.hash.update(b"\n");
        self.orders += 1;
    }

    pub fn orders(&self) -> u64 {
        self.orders
    }

    /// SHA-256 (hex) of all lines so far, each ended by LF. What `sha256sum` says of them in a file.
    pub fn sha256(&self) -> String {
        self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::{Price, Shares, Side, TimeInForce, sha256_hex};

    #[test]
    fn the_hash_is_that_of_the_lines_as_a_file() {
        let session = "2024-01-03".parse().expect("a date");
        let order = |symbol: &str, side, quantity| Order {
            client_order_id: format!("au-20240103-{symbol}-0-0"),
            symbol: symbol.into(),
            side,
            quantity: Shares(quantity),
            time_in_force: TimeInForce::Opg,
            leg: 0,
            reference: Price(1),
            limit: None,
        };
        let mut log = OrderLog::new();
        log.push(session, &order("AAPL", Side::Buy, 7));
        log.push(session, &order("BRK.B", Side::Sell, 12_000));
        let file = "2024-01-03 AAPL buy 7 au-20240103-AAPL-0-0\n\
                    2024-01-03 BRK.B sell 12000 au-20240103-BRK.B-0-0\n";
        assert_eq!(log.sha256(), sha256_hex(file.as_bytes()));
        assert_eq!(log.orders(), 2);
        assert_eq!(OrderLog::new().sha256(), sha256_hex(b""));
    }
}
