//! Symbols and names that people know, for the synthetic market: so that a client's examples find theirs.

use super::random::Random;
use messages::Symbol;

/// Ticker, exchange. The n-th belongs to the n-th sector, over and over: communication, consumer
/// discretionary, staples, energy, financials, health care, industrials, information technology,
/// materials, real estate, utilities.
const KNOWN: [(&str, &str); 55] = [
    ("GOOGL", "NASDAQ"),
    ("AMZN", "NASDAQ"),
    ("PG", "NYSE"),
    ("XOM", "NYSE"),
    ("BRK.B", "NYSE"),
    ("JNJ", "NYSE"),
    ("BA", "NYSE"),
    ("AAPL", "NASDAQ"),
    ("LIN", "NASDAQ"),
    ("PLD", "NYSE"),
    ("NEE", "NYSE"),
    ("META", "NASDAQ"),
    ("TSLA", "NASDAQ"),
    ("BF.B", "NYSE"),
    ("CVX", "NYSE"),
    ("SPY", "ARCA"),
    ("UNH", "NYSE"),
    ("CAT", "NYSE"),
    ("MSFT", "NASDAQ"),
    ("SHW", "NYSE"),
    ("AMT", "NYSE"),
    ("SO", "NYSE"),
    ("NFLX", "NASDAQ"),
    ("HD", "NYSE"),
    ("KO", "NYSE"),
    ("COP", "NYSE"),
    ("JPM", "NYSE"),
    ("LLY", "NYSE"),
    ("GE", "NYSE"),
    ("NVDA", "NASDAQ"),
    ("APD", "NYSE"),
    ("EQIX", "NASDAQ"),
    ("DUK", "NYSE"),
    ("DIS", "NYSE"),
    ("MCD", "NYSE"),
    ("WMT", "NYSE"),
    ("SLB", "NYSE"),
    ("BAC", "NYSE"),
    ("PFE", "NYSE"),
    ("HON", "NASDAQ"),
    ("INTC", "NASDAQ"),
    ("ECL", "NYSE"),
    ("PSA", "NYSE"),
    ("D", "NYSE"),
    ("T", "NYSE"),
    ("NKE", "NYSE"),
    ("COST", "NASDAQ"),
    ("OXY", "NYSE"),
    ("V", "NYSE"),
    ("MRK", "NYSE"),
    ("UPS", "NYSE"),
    ("AMD", "NASDAQ"),
    ("NEM", "NYSE"),
    ("SPG", "NYSE"),
    ("EXC", "NASDAQ"),
];

/// Where a symbol is listed; NYSE where it is not known.
pub(super) fn exchange_of(symbol: &str) -> &'static str {
    KNOWN.iter().find(|(known, _)| *known == symbol).map_or("NYSE", |(_, exchange)| exchange)
}

/// As many different tickers as are asked for: those that people know, then others made up.
pub(super) fn tickers(seed: u64, count: usize) -> Vec<Symbol> {
    const CONSONANTS: &[u8] = b"BCDFGHKLMNPRSTVWXZ";
    const VOWELS: &[u8] = b"AEIOU";
    let mut random = Random::new(seed, u64::MAX);
    let mut tickers: Vec<String> =
        KNOWN.iter().take(count).map(|(ticker, _)| (*ticker).to_owned()).collect();
    while tickers.len() < count {
        let length = [2, 3, 3, 3, 4, 4, 4, 4][random.below(8)];
        let start = random.below(2);
        let mut letter = |at: usize| {
            let letters = if (at + start).is_multiple_of(2) { CONSONANTS } else { VOWELS };
            char::from(letters[random.below(letters.len())])
        };
        let ticker: String = (0..length).map(&mut letter).collect();
        if !tickers.contains(&ticker) {
            tickers.push(ticker);
        }
    }
    tickers.into_iter().map(Symbol::from).collect()
}
