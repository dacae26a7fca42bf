//! The venue's statement.

use super::BrokerError;
use super::convert::{mean_price, present, price, shares, usd};
use alpaca::model::{Account, Position};
use messages::{AccountReported, Holding, Marked, Symbol, Usd};
use reporting::mismatch;

/// Cash, equity, shares and marks to the last decimal; entry prices are means, rounded.
pub(super) fn statement(
    account: &Account,
    positions: &[Position],
) -> Result<AccountReported, BrokerError> {
    let cash = usd(present(account.cash, "the account's cash")?, "the account's cash")?;
    let equity = usd(present(account.equity, "the account's equity")?, "the account's equity")?;
    let mut positions = positions.iter().map(holding).collect::<Result<Vec<_>, _>>()?;
    positions.sort_by(|a, b| a.symbol.cmp(&b.symbol));
    Ok(AccountReported { cash, equity, positions })
}

/// Whether cash and positions make the equity, to the cent. They are told one after the other, and marks move meanwhile.
pub(super) fn adds_up(AccountReported { cash, equity, positions }: &AccountReported) -> bool {
    let made = *cash + positions.iter().map(Holding::value).sum();
    mismatch("equity", made, *equity).is_none()
}

/// What it says of the open market, whose halves may lie moments apart: the equity is made of cash and shares, which are
/// our books', and of one set of prices.
pub(super) fn marked(AccountReported { cash, positions, .. }: &AccountReported) -> Marked {
    let equity = *cash + positions.iter().map(Holding::value).sum();
    let priced = positions.iter().filter(|holding| holding.mark.0 > 0);
    let prices = priced.map(|holding| (holding.symbol.clone(), holding.mark)).collect();
    Marked { equity, prices }
}

fn holding(position: &Position) -> Result<Holding, BrokerError> {
    let of = |field: &str| format!("{field} of the position in {}", position.symbol);
    let mark = present(position.current_price, &of("current_price"))?;
    let holding = Holding {
        symbol: Symbol::from(position.symbol.as_str()),
        quantity: shares(position.qty, &of("qty"))?,
        average: mean_price(position.avg_entry_price, &of("avg_entry_price"))?,
        mark: price(mark, &of("current_price"))?,
        rounding: Usd(0),
    };
    if holding.is_well_formed() {
        return Ok(holding);
    }
    let (what, value) = (of("the value"), format!("{} at {mark}", position.qty));
    Err(BrokerError::NotRepresentable {
        what,
        value,
        why: "no holding is worth a trillion dollars",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::{Price, Shares, Usd};
    use serde_json::{Value, json};

    fn account() -> Account {
        let body =
            json!({"id": "1", "status": "ACTIVE", "cash": "-12.34", "equity": "100000.000001"});
        serde_json::from_value(body).unwrap()
    }

    fn position(symbol: &str, qty: &str, mark: &Value) -> Position {
        let body = json!({"asset_id": "1", "symbol": symbol, "side": "short", "qty": qty,
            "avg_entry_price": "145.33333333", "current_price": mark});
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_statement_adds_up_or_a_mark_has_moved_between_its_halves() {
        let held = |mark: &str| [position("GME", "10", &json!(mark))];
        let said = |mark| statement(&account(), &held(mark)).unwrap();
        // 100,000.000001 of equity, -12.34 of cash.
        assert!(adds_up(&said("10001.234")));
        assert!(!adds_up(&said("10001.23")));
        assert!(!adds_up(&statement(&account(), &[]).unwrap()));
    }

    #[test]
    fn a_statement_is_exact_and_sorted() {
        let positions =
            [position("MSFT", "-3", &json!("370.6")), position("BRK.B", "7", &json!("360.25"))];
        let said = statement(&account(), &positions).unwrap();
        assert_eq!((said.cash, said.equity), (Usd(-12_340_000), Usd(100_000_000_001)));
        let [first, second] = &said.positions[..] else { panic!("{said:?}") };
        assert_eq!((first.symbol.as_str(), first.mark), ("BRK.B", Price(360_250_000)));
        assert_eq!((second.quantity, second.average), (Shares(-3), Price(145_333_333)));
    }

    #[test]
    fn nothing_is_made_up() {
        let no_cash = Account { cash: None, ..account() };
        assert!(statement(&no_cash, &[]).unwrap_err().to_string().contains("cash"));
        let no_mark = [position("AAPL", "1", &Value::Null)];
        let error = statement(&account(), &no_mark).unwrap_err().to_string();
        assert!(error.contains("current_price of the position in AAPL"), "{error}");
        let fraction = [position("AAPL", "0.5", &json!("1"))];
        assert!(statement(&account(), &fraction).unwrap_err().to_string().contains("0.5"));
        let absurd = [position("AAPL", "-9000000000000000000", &json!("185"))];
        let error = statement(&account(), &absurd).unwrap_err().to_string();
        assert!(error.contains("value of the position in AAPL is -9000000"), "{error}");
    }
}
