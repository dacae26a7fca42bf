use messages::{Holding, PortfolioExposures, SectorNet, Symbol, Usd};
use std::collections::BTreeMap;

pub(crate) type Betas = BTreeMap<Symbol, f64>;
pub(crate) type Sectors = BTreeMap<Symbol, String>;

/// Exposures of a book at its marks, every sector of the universe listed. A held name whose beta or
/// sector nobody knows has no exposure that could be stated: then, what is missing of which name.
pub(crate) fn exposures(
    positions: &[Holding],
    nav: Usd,
    betas: &Betas,
    sectors: &Sectors,
) -> Result<PortfolioExposures, Vec<String>> {
    let mut unknown = Vec::new();
    let mut book = PortfolioExposures::default();
    let mut nets: BTreeMap<&str, f64> = sectors.values().map(|s| (s.as_str(), 0.0)).collect();
    for held in positions {
        let weight = held.mark.times(held.quantity).to_f64() / nav.to_f64();
        book.gross += weight.abs();
        book.net += weight;
        book.name_largest = book.name_largest.max(weight.abs());
        match betas.get(&held.symbol) {
            Some(beta) => book.beta += weight * beta,
            None => unknown.push(format!("{} beta", held.symbol)),
        }
        match sectors.get(&held.symbol) {
            Some(sector) => *nets.entry(sector).or_default() += weight,
            None => unknown.push(format!("{} sector", held.symbol)),
        }
    }
    let net = |(sector, net): (&str, f64)| SectorNet { sector: sector.to_owned(), net };
    book.sectors = nets.into_iter().map(net).collect();
    if unknown.is_empty() { Ok(book) } else { Err(unknown) }
}
