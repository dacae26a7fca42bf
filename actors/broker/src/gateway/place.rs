//! One order to the venue.

use super::convert::new_order;
use super::world::Venue;
use alpaca::{AlpacaError, model};
use messages::{Order, Time};

/// How one attempt ended.
pub(super) enum Placed {
    /// The venue has it.
    There(Box<model::Order>),
    /// The venue will not have it, for this reason, said at this time.
    Refused(String, Time),
    /// No answer, and it is not there: perhaps not yet.
    Unknown(AlpacaError),
}

/// Sends the order once. Whatever the answer, if it is not the order itself, the order is looked up
/// under its client order id: an earlier attempt may have come through.
///
/// # Errors
/// It could not be looked up, or the venue will have nothing of us.
pub(super) async fn place(client: &impl Venue, order: &Order) -> Result<Placed, AlpacaError> {
    let error = match client.submit_order(&new_order(order)).await {
        Ok(placed) => return Ok(Placed::There(Box::new(placed))),
        Err(error) => error,
    };
    if error.refusal().is_none() && !error.is_transient() {
        return Err(error);
    }
    if let Some(found) = client.order_by_client_id(&order.client_order_id).await? {
        return Ok(Placed::There(Box::new(found)));
    }
    match error.refusal() {
        Some(words) if !is_taken(words) => {
            Ok(Placed::Refused(words.to_owned(), client.clock().await?.timestamp.0))
        }
        _ => Ok(Placed::Unknown(error)),
    }
}

/// Alpaca has an order under our id, which we ourselves may have sent: `client_order_id must be
/// unique`. That is no rejection, also where a lookup does not show the order yet.
fn is_taken(words: &str) -> bool {
    words.contains("client_order_id") && words.contains("unique")
}
