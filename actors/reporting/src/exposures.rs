use messages::{Holding, PortfolioExposures, SectorNet, Symbol, Usd};
use std::collections::BTreeMap;

pub type Betas = BTreeMap<Symbol, f64>;
pub type Sectors = BTreeMap<Symbol, String>;

/// Exposures of a book at its marks, every sector of the universe listed. A held name whose beta or
/// sector nobody knows has no exposure that could be stated: then, what is missing of which name.
/// Without any `betas` the book has no beta.
///
/// # Errors
/// A row for each beta and sector that is missing.
pub fn exposures(
    positions: &[Holding],
    nav: Usd,
    betas: Option<&Betas>,
    sectors: &Sectors,
) -> Result<PortfolioExposures, Vec<String>> {
    let mut unknown = Vec::new();
    let mut book = PortfolioExposures::default();
    let mut beta = 0.0;
    let mut nets: BTreeMap<&str, f64> = sectors.values().map(|s| (s.as_str(), 0.0)).collect();
    for held in positions {
        let weight = held.value().to_f64() / nav.to_f64();
        book.gross += weight.abs();
        book.net += weight;
        book.name_largest = book.name_largest.max(weight.abs());
        match betas.map(|betas| betas.get(&held.symbol)) {
            None => {}
            Some(Some(known)) => beta += weight * known,
            Some(None) => unknown.push(format!("{} beta", held.symbol)),
        }
        match sectors.get(&held.symbol) {
            Some(sector) => *nets.entry(sector).or_default() += weight,
            None => unknown.push(format!("{} sector", held.symbol)),
        }
    }
    let net = |(sector, net): (&str, f64)| SectorNet { sector: sector.to_owned(), net };
    book.beta = betas.map(|_| beta);
    book.sectors = nets.into_iter().map(net).collect();
    if unknown.is_empty() { Ok(book) } else { Err(unknown) }
}
