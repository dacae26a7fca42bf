//! Alpaca's wire, both ways: JSON, and MessagePack on the websockets.
//!
//! Trading amounts are strings, market data are numbers; both are read as either. Unknown fields are
//! ignored and unknown words kept (`Other`), since both appear over time. A field is optional
//! wherever any recorded body or SDK lacks it: `None` means Alpaca did not say, never zero.

mod account;
mod data;
mod feed;
mod market;
mod order;
mod scalar;
mod stream;

pub use account::{Account, AccountConfigurations, Activity, ApiError, PortfolioHistory, Position};
pub use data::{
    Bar, BarsPage, CryptoSnapshots, LatestBar, LatestBars, LatestOrderbooks, LatestQuote,
    LatestQuotes, LatestTrade, LatestTrades, Level, Orderbook, Quote, QuotesPage, Snapshot,
    Snapshots, SymbolBarsPage, SymbolQuotesPage, SymbolSnapshot, SymbolTradesPage, Trade,
    TradesPage,
};
pub use feed::{
    CancelError, Channels, Correction, DataError, DataMessage, DataRequest, Imbalance, Luld, News,
    Of, Success, TradingStatus,
};
pub use market::{Asset, CalendarDay, Clock};
pub use order::{
    CancelOutcome, CloseOutcome, NewOrder, Order, OrderType, Outcome, ReplaceOrder, Side, Status,
    StopLoss, TakeProfit, TimeInForce,
};
pub use scalar::{Amount, Stamp};
pub use stream::{
    Authorization, Event, KeyPair, Secret, StreamMessage, StreamRequest, Streams, TradeUpdate,
};

/// `POST /aurora/v1/clock` of our own simulated venue; Alpaca has nothing like it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SetClock {
    pub now: Stamp,
}

/// `GET /aurora/v1/clock` of our own simulated venue.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SimulationClock {
    #[serde(flatten)]
    pub clock: Clock,
    /// It stands still until it is moved.
    pub stepped: bool,
}
