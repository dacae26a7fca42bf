//! What can be traded.

use super::ids::asset_id;
use messages::Symbol;
use rust_decimal::Decimal;
use std::fmt;

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetClass {
    /// Trades in the sessions of XNYS.
    UsEquity,
    /// Trades around the clock; its session is the day of UTC.
    Crypto,
}

impl fmt::Display for AssetClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UsEquity => "us_equity",
            Self::Crypto => "crypto",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "Alpaca says these four of an asset")]
pub struct Asset {
    pub id: String,
    /// `AAPL`, `BRK.B`; of crypto the pair: `BTC/USD`.
    pub symbol: Symbol,
    pub name: String,
    /// `Crypto` for crypto.
    pub sector: String,
    pub class: AssetClass,
    /// `NASDAQ`, `NYSE`, `ARCA`; `CRYPTO`.
    pub exchange: String,
    pub fractionable: bool,
    pub shortable: bool,
    pub easy_to_borrow: bool,
    pub marginable: bool,
    /// For crypto, and for nothing else.
    pub crypto: Option<CryptoTerms>,
}

/// In coins, coins and dollars.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct CryptoTerms {
    pub min_order_size: Decimal,
    pub min_trade_increment: Decimal,
    pub price_increment: Decimal,
}

impl Asset {
    pub(super) fn equity(symbol: Symbol, name: String, sector: String, exchange: &str) -> Self {
        Self {
            id: asset_id(&symbol),
            symbol,
            name,
            sector,
            class: AssetClass::UsEquity,
            exchange: exchange.to_owned(),
            fractionable: true,
            shortable: true,
            easy_to_borrow: true,
            marginable: true,
            crypto: None,
        }
    }

    /// `price` of a coin says what a dollar's worth of it is, which is the least one can order.
    pub(super) fn pair(symbol: Symbol, name: String, price: Decimal) -> Self {
        let nano = Decimal::new(1, 9);
        let dollar = (Decimal::ONE / price).round_dp(9).max(nano).normalize();
        let terms = CryptoTerms {
            min_order_size: dollar,
            min_trade_increment: nano,
            price_increment: nano,
        };
        Self {
            id: asset_id(&symbol),
            symbol,
            name,
            sector: "Crypto".to_owned(),
            class: AssetClass::Crypto,
            exchange: "CRYPTO".to_owned(),
            fractionable: true,
            shortable: false,
            easy_to_borrow: false,
            marginable: false,
            crypto: Some(terms),
        }
    }

    pub fn is_crypto(&self) -> bool {
        self.class == AssetClass::Crypto
    }

    /// The consolidated tape that its trades are on: A for NYSE, C for NASDAQ, B for the others.
    pub fn tape(&self) -> char {
        match self.exchange.as_str() {
            "NYSE" => 'A',
            "NASDAQ" => 'C',
            _ => 'B',
        }
    }
}
