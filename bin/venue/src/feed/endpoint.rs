//! The streams that there are, and what each has.

use super::subscription::Channel;
use exchange::AssetClass;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Endpoint {
    Iex,
    Sip,
    /// A quarter of an hour behind.
    DelayedSip,
    /// By night, when nothing of this market trades: silent.
    Boats,
    Overnight,
    /// There are none: silent.
    News,
    /// FAKEPACA and nothing else, on the machine's clock.
    Test,
    /// By location; all have the same.
    Crypto(String),
}

const MINUTE: i64 = 60_000_000_000;
const LOCATIONS: [&str; 5] = ["us", "us-1", "us-2", "eu-1", "bs-1"];

impl Endpoint {
    pub(super) fn stocks(feed: &str) -> Option<Self> {
        match feed {
            "iex" => Some(Self::Iex),
            "sip" => Some(Self::Sip),
            "delayed_sip" => Some(Self::DelayedSip),
            "boats" => Some(Self::Boats),
            "overnight" => Some(Self::Overnight),
            "test" => Some(Self::Test),
            _ => None,
        }
    }

    pub(super) fn crypto(location: &str) -> Option<Self> {
        LOCATIONS.contains(&location).then(|| Self::Crypto(location.to_owned()))
    }

    /// Whose tape it tells; `None` for the test stream, which has its own, and for those that are silent.
    pub(super) fn class(&self) -> Option<AssetClass> {
        match self {
            Self::Iex | Self::Sip | Self::DelayedSip => Some(AssetClass::UsEquity),
            Self::Crypto(_) => Some(AssetClass::Crypto),
            Self::Boats | Self::Overnight | Self::News | Self::Test => None,
        }
    }

    /// Whether it is about shares.
    fn is_of_stocks(&self) -> bool {
        matches!(self, Self::Iex | Self::Sip | Self::DelayedSip | Self::Boats | Self::Overnight)
    }

    /// How far behind it is, in nanoseconds.
    pub(super) fn delay(&self) -> i64 {
        if *self == Self::DelayedSip { 15 * MINUTE } else { 0 }
    }

    pub(super) fn offers(&self, channel: Channel) -> bool {
        if *self == Self::News {
            return channel == Channel::News;
        }
        match channel {
            Channel::Trades | Channel::Quotes | Channel::Bars => true,
            Channel::UpdatedBars | Channel::DailyBars => *self != Self::Test,
            Channel::Statuses | Channel::Lulds | Channel::Imbalances => self.is_of_stocks(),
            Channel::Orderbooks => self.class() == Some(AssetClass::Crypto),
            Channel::News => false,
        }
    }

    /// Whether corrections and cancellations come with trades.
    pub(super) fn repairs_trades(&self) -> bool {
        self.is_of_stocks()
    }

    /// Whether a plan's limit of symbols counts here.
    pub(super) fn is_limited(&self) -> bool {
        self.is_of_stocks()
    }

    /// `AAPL`, `BRK.B`; `BTC/USD`; a star. Whether there is such a symbol is another question.
    pub(super) fn is_symbol(&self, text: &str) -> bool {
        let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase());
        if text == "*" {
            return true;
        }
        match self {
            Self::Crypto(_) => text.split_once('/').is_some_and(|(coin, money)| {
                letters(coin.strip_suffix('x').unwrap_or(coin)) && letters(money)
            }),
            _ => text.split(['.', '-', '/']).all(|part| {
                let sound = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
                !part.is_empty() && part.bytes().all(sound)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols() {
        for sound in ["AAPL", "BRK.B", "*", "FAKEPACA"] {
            assert!(Endpoint::Sip.is_symbol(sound), "{sound}");
        }
        for wrong in ["", "aapl", "A B", "A,B", ".B", "BTC/USD!"] {
            assert!(!Endpoint::Sip.is_symbol(wrong), "{wrong}");
        }
        let crypto = Endpoint::crypto("us").unwrap();
        assert!(crypto.is_symbol("BTC/USD") && crypto.is_symbol("*"));
        for wrong in ["BTCUSD", "BTC/", "/USD", "btc/usd", "BTC/USD/X"] {
            assert!(!crypto.is_symbol(wrong), "{wrong}");
        }
        assert_eq!(Endpoint::crypto("moon"), None);
    }
}
