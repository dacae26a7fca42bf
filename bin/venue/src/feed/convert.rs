//! The tape in Alpaca's words.

use crate::data::{REGULAR_QUOTE, exchange_code, regular_sale};
use alpaca::model::{self, Level, Stamp};
use exchange::{Asset, Bar, Depth, Quote, Tick};
use messages::Side;
use rust_decimal::Decimal;

pub(super) fn trade(asset: &Asset, tick: &Tick, iex: bool) -> model::Trade {
    let equity = !asset.is_crypto();
    model::Trade {
        t: Stamp(tick.at),
        x: equity.then(|| exchange_code(asset, iex).to_string()),
        p: number(tick.price),
        s: number(tick.size),
        c: equity.then(|| vec![regular_sale(asset).to_owned()]),
        i: tick.id,
        z: equity.then(|| asset.tape().to_string()),
        tks: asset.is_crypto().then(|| if tick.taker == Side::Buy { "B" } else { "S" }.to_owned()),
        u: None,
    }
}

pub(super) fn quote(asset: &Asset, quote: &Quote, iex: bool) -> model::Quote {
    let equity = !asset.is_crypto();
    model::Quote {
        t: Stamp(quote.at),
        ax: equity.then(|| exchange_code(asset, iex).to_string()),
        ap: number(quote.ask),
        r#as: number(quote.ask_size),
        bx: equity.then(|| exchange_code(asset, iex).to_string()),
        bp: number(quote.bid),
        bs: number(quote.bid_size),
        c: equity.then(|| vec![REGULAR_QUOTE.to_owned()]),
        z: equity.then(|| asset.tape().to_string()),
    }
}

pub(super) fn bar(bar: &Bar) -> model::Bar {
    model::Bar {
        t: Stamp(bar.start),
        o: number(bar.open),
        h: number(bar.high),
        l: number(bar.low),
        c: number(bar.close),
        v: Some(number(bar.volume)),
        n: Some(bar.trades),
        vw: Some(number(bar.vwap)),
    }
}

/// All of it.
pub(super) fn book(depth: &Depth) -> model::Orderbook {
    let levels = |side: &[(Decimal, Decimal)]| {
        side.iter().map(|(price, size)| Level { p: number(*price), s: number(*size) }).collect()
    };
    model::Orderbook { t: Stamp(depth.at), b: levels(&depth.bids), a: levels(&depth.asks), r: None }
}

/// The nearest float, which prints as the decimal does.
pub(super) fn number(decimal: Decimal) -> f64 {
    decimal.to_string().parse().expect("a decimal is a number")
}
