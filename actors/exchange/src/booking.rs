//! Movements of the account that are no execution: dividends, fees, interest, transfers, splits, changes of symbol. The
//! exchange makes none by itself; whoever runs the simulation books them.

use super::account::Book;
use super::exchange::Exchange;
use super::order::Activity;
use super::refusal::Refusal;
use messages::{Date, Symbol, Time};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Of these types the quantity is shares that come or go; of all others it is what something was paid on.
const MOVE_SHARES: [&str; 9] = ["SPLIT", "SSP", "NC", "SPIN", "SSO", "MA", "SC", "REORG", "CIL"];
/// More or fewer shares of the same name: they cost together what the old ones cost.
const SPLITS: [&str; 2] = ["SPLIT", "SSP"];
/// What the exchange books by itself.
const OWN: [&str; 2] = ["FILL", "CFEE"];

/// What is to be booked, in Alpaca's words for an activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBooking {
    /// `DIV`, `FEE`, `INT`, `CSD`, `CSW`, `JNLC`, `SPLIT`, `NC`, …
    pub activity_type: String,
    #[serde(default)]
    pub activity_sub_type: Option<String>,
    /// None: of the whole account.
    #[serde(default)]
    pub symbol: Option<Symbol>,
    /// Dollars into the account's cash, signed.
    #[serde(default)]
    pub net_amount: Decimal,
    /// Shares into the position, signed, if the type moves shares; else what it was paid on.
    #[serde(default)]
    pub qty: Option<Decimal>,
    #[serde(default)]
    pub per_share_amount: Option<Decimal>,
    /// Dollars that a share which comes without a split has cost; its last price if none is given.
    #[serde(default)]
    pub price: Option<Decimal>,
    /// Today in New York if none is given.
    #[serde(default)]
    pub date: Option<Date>,
    #[serde(default)]
    pub description: Option<String>,
    /// Moves the account and is in no list of activities: a difference that nothing explains.
    #[serde(default)]
    pub unlisted: bool,
}

/// What was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    pub id: String,
    pub at: Time,
    pub date: Date,
    /// Place in the market's assets, if it is of one.
    pub asset: Option<usize>,
    /// Shares that came or went.
    pub shares: Decimal,
    pub asked: NewBooking,
}

impl Exchange {
    /// Moves cash and shares as asked, now.
    ///
    /// A split also moves the last price, so that the position is worth what it was until its next tick. History
    /// before it ([`Exchange::worth_at`], the last close) is not restated.
    ///
    /// # Errors
    /// It moves nothing; a type that the exchange books itself; a symbol that is unknown, has open orders or no
    /// position to split; shares that a position would change its sign by. Nothing has changed then.
    pub fn book(&mut self, asked: &NewBooking) -> Result<Booking, Refusal> {
        let kind = asked.activity_type.as_str();
        if OWN.contains(&kind) || !is_type(kind) {
            return Err(Refusal::malformed(format!("{kind:?} is no type that can be booked")));
        }
        let moves = MOVE_SHARES.contains(&kind);
        let shares = asked.qty.filter(|_| moves).unwrap_or_default();
        if shares.is_zero() && asked.net_amount.is_zero() {
            return Err(Refusal::malformed("it moves neither cash (net_amount) nor shares (qty)"));
        }
        let unknown = |symbol: &Symbol| Refusal::invalid(format!("asset \"{symbol}\" not found"));
        let asset = asked
            .symbol
            .as_ref()
            .map(|symbol| self.market.find_alias(symbol.as_str()).ok_or_else(|| unknown(symbol)));
        let asset = asset.transpose()?;
        let after = match asset {
            _ if shares.is_zero() => None,
            None => return Err(Refusal::malformed("shares are of a symbol")),
            Some(asset) => Some((asset, self.after(asset, asked, shares)?)),
        };
        let (id, at) = (self.ids.next(), self.now);
        let today = self.market.calendar().local(at).date();
        let date = asked.date.unwrap_or(today);
        let booking = Booking { id, at, date, asset, shares, asked: asked.clone() };
        let splits = SPLITS.contains(&kind);
        self.ledger.book_movement(Activity::Booking(booking.clone()), after, splits);
        Ok(booking)
    }

    /// The position once `shares` have come or gone.
    fn after(&self, asset: usize, asked: &NewBooking, shares: Decimal) -> Result<Book, Refusal> {
        let before = self.ledger.book(asset);
        let quantity = before.quantity + shares;
        if self.orders.open_of(asset).next().is_some() {
            return Err(Refusal::invalid("it has open orders: cancel them first"));
        }
        if before.quantity * quantity < Decimal::ZERO {
            return Err(Refusal::invalid(format!("there are {} shares", before.quantity)));
        }
        if SPLITS.contains(&asked.activity_type.as_str()) {
            if before.quantity.is_zero() || quantity.is_zero() {
                return Err(Refusal::invalid("a split leaves shares of what is held"));
            }
            return Ok(Book { quantity, ..before });
        }
        let none = || Refusal::invalid("the symbol has no price yet");
        let last = self.ledger.price(asset).ok_or_else(none)?;
        Ok(before.after(shares, asked.price.unwrap_or(last)))
    }
}

fn is_type(word: &str) -> bool {
    (2..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase())
}
