//! What moved the account and was no fill: Alpaca's account activities as our bookings. Pure.

use super::BrokerError;
use super::convert::{present, shares, usd};
use alpaca::model::{Activity, Amount};
use messages::{Booked, BookedKind, Date, Shares, Symbol, Time, Usd};
use rust_decimal::RoundingStrategy;

/// What the venue lists, as far as it explains cash or shares, in its order.
///
/// # Errors
/// One that counts lacks its date or amount, or moves a fraction of a share.
pub(super) fn bookings(activities: &[Activity]) -> Result<Vec<Booked>, BrokerError> {
    activities.iter().filter_map(|activity| booked(activity).transpose()).collect()
}

/// Midnight in New York, when `since` begins.
pub(super) fn begin(since: Date) -> Time {
    alpaca::time::session_time(since, jiff::civil::Time::midnight())
}

/// `None`: it moves nothing, or nobody here knows what it means; what that moved stays unexplained.
fn booked(activity: &Activity) -> Result<Option<Booked>, BrokerError> {
    if activity.status.as_deref() == Some("canceled") {
        return Ok(None);
    }
    let Some(kind) = kind(activity) else {
        tracing::warn!(
            id = activity.id,
            kind = activity.activity_type,
            "an activity explains nothing"
        );
        return Ok(None);
    };
    let of = |field: &str| format!("{field} of activity {}", activity.id);
    let created = activity.created_at.or(activity.transaction_time);
    let dated = activity.date.or(created.map(|stamp| alpaca::time::session_date(stamp.0)));
    let moves = |amount: Amount| if amount.0.is_zero() { None } else { Some(amount) };
    let amount = activity.net_amount.and_then(moves).map_or(Ok(Usd(0)), |amount| {
        let micros = amount.0.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero);
        usd(Amount(micros), &of("net_amount"))
    })?;
    let quantity = activity.qty.filter(|_| kind.is_corporate_action()).and_then(moves);
    let quantity = quantity.map_or(Ok(Shares(0)), |qty| shares(qty, &of("qty")))?;
    if amount.0 == 0 && quantity.0 == 0 {
        return Ok(None);
    }
    let symbol = activity.symbol.clone().filter(|symbol| !symbol.is_empty()).map(Symbol::from);
    if quantity.0 != 0 {
        present(symbol.as_ref(), &of("symbol"))?;
    }
    Ok(Some(Booked {
        activity: activity.id.clone(),
        date: present(dated, &of("date"))?,
        kind,
        symbol,
        amount,
        shares: quantity,
        description: words(activity),
        before_open: false,
    }))
}

/// By Alpaca's type; borrow comes as a fee or as interest, and says so in words only.
fn kind(activity: &Activity) -> Option<BookedKind> {
    let borrow = words(activity).to_lowercase().contains("borrow");
    Some(match activity.activity_type.as_str() {
        "FEE" | "INT" | "INTNRA" | "INTTW" | "PTC" if borrow => BookedKind::Borrow,
        "FEE" | "CFEE" | "REG" | "TAF" | "PTC" | "PTR" | "DIVFEE" => BookedKind::Fee,
        "INT" | "INTNRA" | "INTTW" => BookedKind::Interest,
        "DIV" | "DIVCGL" | "DIVCGS" | "DIVFT" | "DIVNRA" | "DIVROC" | "DIVTW" | "DIVTXEX" => {
            BookedKind::Dividend
        }
        "CSD" | "CSW" | "JNLC" | "ACATC" | "TRANS" => BookedKind::Transfer,
        "SPLIT" | "SSP" => BookedKind::Split,
        "SPIN" | "SSO" | "MA" | "NC" | "SC" | "REORG" | "CIL" => BookedKind::Reorganisation,
        _ => return None,
    })
}

fn words(activity: &Activity) -> String {
    let Activity { activity_type, activity_sub_type, description, .. } = activity;
    let parts = [Some(activity_type), activity_sub_type.as_ref(), description.as_ref()];
    let parts: Vec<&str> = parts
        .into_iter()
        .flatten()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<Vec<Booked>, BrokerError> {
        let mut activity = json!({"id": "20240610000000000::1", "date": "2024-06-10"});
        activity.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        bookings(&[serde_json::from_value(activity).unwrap()])
    }

    fn one(body: &Value) -> Booked {
        let read = read(body).unwrap();
        assert_eq!(read.len(), 1, "{body}");
        read[0].clone()
    }

    #[test]
    fn every_kind_of_cash_has_its_place() {
        let kinds = [
            ("FEE", "TAF fee for proceed of 700 shares", BookedKind::Fee),
            ("FEE", "Stock Borrow Fee for GME", BookedKind::Borrow),
            ("CFEE", "Coin Pair Transaction Fee (USD)", BookedKind::Fee),
            ("DIV", "Cash DIV @ 0.25", BookedKind::Dividend),
            ("DIVNRA", "DIV tax withholding", BookedKind::Dividend),
            ("DIVCGS", "", BookedKind::Dividend),
            ("INT", "Credit interest", BookedKind::Interest),
            ("CSD", "Bank deposit", BookedKind::Transfer),
            ("CSW", "", BookedKind::Transfer),
            ("JNLC", "", BookedKind::Transfer),
        ];
        for (name, words, kind) in kinds {
            let said =
                one(&json!({"activity_type": name, "description": words, "net_amount": "-1.25"}));
            assert_eq!((said.kind, said.amount, said.shares), (kind, Usd(-1_250_000), Shares(0)));
            assert_eq!((said.date, said.symbol), (Date::constant(2024, 6, 10), None));
            assert!(said.description.starts_with(name), "{}", said.description);
        }
    }

    #[test]
    fn splits_and_new_symbols_move_shares() {
        let split = one(&json!({"activity_type": "SPLIT", "symbol": "NVDA", "qty": "90",
            "net_amount": "0", "description": "10 for 1"}));
        assert_eq!((split.kind, split.shares), (BookedKind::Split, Shares(90)));
        assert_eq!(split.symbol, Some("NVDA".into()));
        let renamed = one(&json!({"activity_type": "NC", "symbol": "FB", "qty": "-10"}));
        assert_eq!((renamed.kind, renamed.amount), (BookedKind::Reorganisation, Usd(0)));
    }

    #[test]
    fn the_quantity_a_dividend_is_paid_on_moves_no_shares() {
        let said = one(&json!({"activity_type": "DIV", "symbol": "AAPL", "qty": "100",
            "per_share_amount": "0.25", "net_amount": "25"}));
        assert_eq!((said.amount, said.shares), (Usd(25_000_000), Shares(0)));
    }

    #[test]
    fn what_is_canceled_or_nothing_or_not_understood_is_not_said() {
        for body in [
            json!({"activity_type": "DIV", "net_amount": "1", "status": "canceled"}),
            json!({"activity_type": "FEE", "net_amount": "0"}),
            json!({"activity_type": "OPEXP", "net_amount": "5"}),
        ] {
            assert_eq!(read(&body).unwrap(), []);
        }
    }

    #[test]
    fn nothing_is_made_up() {
        let undated = json!({"activity_type": "DIV", "net_amount": "1", "date": null});
        assert!(read(&undated).unwrap_err().to_string().contains("date of activity 2024061"));
        let fraction = json!({"activity_type": "SPLIT", "symbol": "A", "qty": "0.5"});
        assert!(read(&fraction).unwrap_err().to_string().contains("0.5"));
        let nameless = json!({"activity_type": "SPLIT", "qty": "5"});
        assert!(read(&nameless).unwrap_err().to_string().contains("symbol of activity"));
        let fine = json!({"activity_type": "FEE", "net_amount": "-0.0000005"});
        assert_eq!(one(&fine).amount, Usd(-1));
    }
}
