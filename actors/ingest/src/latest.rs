//! The last trade and quote of some names, now: for people to look at, not for the daily line.

use crate::error::IngestError;
use alpaca::model::{Quote, Trade};
use alpaca::{Client, Source};
use messages::Symbol;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    pub symbol: Symbol,
    pub trade: Trade,
    pub quote: Quote,
}

/// Of stocks (on `feed`) and pairs of coins (on `location`, with a slash in their name), in the order
/// asked for.
///
/// # Errors
/// The service fails, or has no trade or no quote of a symbol.
pub async fn latest(
    client: &Client,
    symbols: &[Symbol],
    feed: &str,
    location: &str,
) -> Result<Vec<Latest>, IngestError> {
    let names = || symbols.iter().map(Symbol::as_str);
    let stocks: Vec<&str> = names().filter(|name| !name.contains('/')).collect();
    let pairs: Vec<&str> = names().filter(|name| name.contains('/')).collect();
    let sources = [
        (Source::Stocks { feed: feed.to_owned() }, stocks),
        (Source::Crypto { location: location.to_owned() }, pairs),
    ];
    let (mut trades, mut quotes) = (BTreeMap::new(), BTreeMap::new());
    for (source, names) in sources.iter().filter(|(_, names)| !names.is_empty()) {
        let asked = || format!("the latest of {}", names.join(", "));
        let failed = |source| IngestError::Alpaca { asked: asked(), source };
        trades.extend(client.latest_trades(source, names).await.map_err(failed)?.trades);
        quotes.extend(client.latest_quotes(source, names).await.map_err(failed)?.quotes);
    }
    let one = |symbol: &Symbol| {
        let trade = trades.remove(symbol.as_str());
        let quote = quotes.remove(symbol.as_str());
        let (Some(trade), Some(quote)) = (trade, quote) else {
            return Err(IngestError::NoLatest { symbol: symbol.clone() });
        };
        Ok(Latest { symbol: symbol.clone(), trade, quote })
    };
    symbols.iter().map(one).collect()
}
