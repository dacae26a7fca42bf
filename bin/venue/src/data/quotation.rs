//! Trades, quotes and order books as JSON.

use super::render;
use super::request::{Feed, Scope};
use exchange::{Asset, Depth, Quote, Tick};
use messages::{Side, Time};
use rust_decimal::Decimal;

/// Where trades and quotes of a share are said to come from: the exchange it is listed on, or IEX.
pub(crate) fn exchange_code(asset: &Asset, iex: bool) -> char {
    match asset.exchange.as_str() {
        _ if iex => 'V',
        "NASDAQ" => 'Q',
        "NYSE" => 'N',
        _ => 'P',
    }
}

/// The condition of a regular sale on the tape of a share.
pub(crate) fn regular_sale(asset: &Asset) -> &'static str {
    if asset.tape() == 'C' { "@" } else { " " }
}

/// The condition of a quote that anybody may trade at.
pub(crate) const REGULAR_QUOTE: &str = "R";

pub(super) fn write_trade(out: &mut Vec<u8>, asset: &Asset, feed: Feed, tick: &Tick) {
    out.extend_from_slice(b"{\"t\":");
    render::time(out, tick.at);
    if !asset.is_crypto() {
        out.extend_from_slice(b",\"x\":");
        letter(out, exchange_code(asset, feed == Feed::Iex));
    }
    amount(out, "p", tick.price);
    amount(out, "s", tick.size);
    if !asset.is_crypto() {
        out.extend_from_slice(b",\"c\":[");
        render::text(out, regular_sale(asset));
        out.push(b']');
    }
    out.extend_from_slice(b",\"i\":");
    render::decimal(out, Decimal::from(tick.id));
    if asset.is_crypto() {
        out.extend_from_slice(b",\"tks\":");
        letter(out, if tick.taker == Side::Buy { 'B' } else { 'S' });
    } else {
        out.extend_from_slice(b",\"z\":");
        letter(out, asset.tape());
    }
    out.push(b'}');
}

pub(super) fn write_quote(out: &mut Vec<u8>, asset: &Asset, feed: Feed, quote: &Quote) {
    let place = |out: &mut Vec<u8>, name: &str| {
        if !asset.is_crypto() {
            key(out, name);
            letter(out, exchange_code(asset, feed == Feed::Iex));
        }
    };
    out.extend_from_slice(b"{\"t\":");
    render::time(out, quote.at);
    place(out, "ax");
    amount(out, "ap", quote.ask);
    amount(out, "as", quote.ask_size);
    place(out, "bx");
    amount(out, "bp", quote.bid);
    amount(out, "bs", quote.bid_size);
    if !asset.is_crypto() {
        out.extend_from_slice(b",\"c\":[");
        render::text(out, REGULAR_QUOTE);
        out.extend_from_slice(b"],\"z\":");
        letter(out, asset.tape());
    }
    out.push(b'}');
}

pub(super) fn write_depth(out: &mut Vec<u8>, depth: &Depth) {
    out.extend_from_slice(b"{\"t\":");
    render::time(out, depth.at);
    for (name, levels) in [("b", &depth.bids), ("a", &depth.asks)] {
        key(out, name);
        out.push(b'[');
        for (at, (price, size)) in levels.iter().enumerate() {
            out.extend_from_slice(if at > 0 { b",{\"p\":" } else { b"{\"p\":" });
            render::decimal(out, *price);
            amount(out, "s", *size);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
}

/// One date with the auctions that were by now: `{"d":"2024-01-03","o":[…],"c":[…]}`.
pub(super) fn write_auction(out: &mut Vec<u8>, scope: &Scope<'_>, asset: usize, session: usize) {
    let (market, info) = (&scope.app.market, scope.info(asset));
    let about = market.calendar().sessions()[session];
    out.extend_from_slice(b"{\"d\":");
    render::text(out, &about.date.to_string());
    let end = scope.now.min(about.close);
    let mut ticks = market.ticks(asset, Time(about.open.0 - 1), end);
    let opening = ticks.next();
    let closing = ticks.next_back().filter(|_| scope.now >= about.close);
    for (name, condition, auction) in [("o", "Q", opening), ("c", "M", closing)] {
        key(out, name);
        out.push(b'[');
        if let Some(tick) = auction {
            out.extend_from_slice(b"{\"t\":");
            render::time(out, tick.at);
            key(out, "x");
            letter(out, exchange_code(info, false));
            amount(out, "p", tick.price);
            amount(out, "s", tick.size);
            key(out, "c");
            render::text(out, condition);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn amount(out: &mut Vec<u8>, name: &str, value: Decimal) {
    key(out, name);
    render::decimal(out, value);
}

fn letter(out: &mut Vec<u8>, letter: char) {
    out.extend_from_slice(&[b'"', letter as u8, b'"']);
}
