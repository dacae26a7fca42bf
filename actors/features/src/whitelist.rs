//! The 45 features by name: the one list that models, messages and files agree on, by its hash.
//!
//! The hash covers what a feature is called and how it is transformed, not its formula: when a
//! formula changes, bump [`SCHEMA`], or a model would be served something it was not trained on.

use crate::transform::{CLIP, MIN_NAMES, MIN_SECTOR, Neutral, Norm, WINSOR_MAD};
use std::fmt::Write;

const SCHEMA: u32 = 1;

pub const COUNT: usize = 45;

/// One feature: `bars` sessions are needed including today's, of the columns in `inputs`.
#[derive(Copy, Clone, Debug)]
pub struct Spec {
    pub name: &'static str,
    pub bars: usize,
    pub inputs: &'static str,
    pub norm: Norm,
    pub neutral: Neutral,
}

#[rustfmt::skip]
pub const SPECS: [Spec; COUNT] = {
    use Neutral::{MarketSector, None, Sector};
    use Norm::{Rank, Z};
    [
        // returns and path
        spec("ret_1",            2, "C",        Rank, MarketSector),
        spec("ret_5",            6, "C",        Rank, MarketSector),
        spec("ret_10",          11, "C",        Rank, MarketSector),
        spec("ret_21",          22, "C",        Rank, MarketSector),
        spec("mom_63_5",        64, "C",        Z,    MarketSector),
        spec("mom_126_21",     127, "C",        Z,    MarketSector),
        spec("mom_252_21",     253, "C",        Z,    MarketSector),
        spec("mom_accel",       64, "C",        Z,    MarketSector),
        spec("eff_21",          22, "C",        Z,    MarketSector),
        spec("hi_252",         252, "HC",       Rank, MarketSector),
        spec("lo_252",         252, "LC",       Rank, MarketSector),
        spec("gap_1",            2, "OC",       Rank, MarketSector),
        spec("clv_1",            1, "HLC",      Z,    Sector),
        spec("tug_21",          22, "OC",       Z,    Sector),
        // volatility and distribution
        spec("vol_21",          22, "C",        Rank, Sector),
        spec("vol_ratio",      127, "C",        Z,    Sector),
        spec("range_ratio_21",  22, "HLC",      Z,    Sector),
        spec("semivol_63",      64, "C",        Z,    Sector),
        spec("skew_63",         64, "C",        Rank, Sector),
        spec("kurt_63",         64, "C",        Rank, Sector),
        spec("max5_21",         22, "C",        Rank, Sector),
        spec("min_21",          22, "C",        Rank, Sector),
        spec("atr_14",          15, "HLC",      Rank, Sector),
        // market
        spec("beta_252",       253, "C,mkt",    Z,    None),
        spec("idiovol_63",     253, "C,mkt",    Rank, Sector),
        // oscillators and trend
        spec("rsi_14",          15, "C",        Z,    MarketSector),
        spec("ppo_hist",        34, "C",        Z,    MarketSector),
        spec("bb_z_20",         20, "C",        Z,    MarketSector),
        spec("stoch_14",        14, "HLC",      Z,    MarketSector),
        spec("sma_dist_50",     50, "C",        Z,    MarketSector),
        spec("sma_dist_200",   200, "C",        Z,    MarketSector),
        spec("trend_r_63",      63, "C",        Z,    MarketSector),
        // volume and liquidity
        spec("log_adv_21",      21, "CV",       Rank, None),
        spec("abn_vol_1",       22, "CV",       Z,    Sector),
        spec("vol_trend",       63, "CV",       Z,    Sector),
        spec("amihud_21",       22, "CV",       Rank, Sector),
        spec("dvol_cv_21",      21, "CV",       Rank, Sector),
        spec("obv_21",          22, "CV",       Z,    MarketSector),
        spec("cmf_21",          21, "HLCV",     Z,    Sector),
        spec("mfi_14",          15, "HLCV",     Z,    MarketSector),
        spec("pv_corr_21",      22, "CV",       Z,    Sector),
        spec("cs_spread_21",    22, "HLC",      Rank, Sector),
        // relative to market and sector
        spec("resrev_5",       253, "C,mkt",    Rank, Sector),
        spec("resmom_252_21",  253, "C,mkt",    Z,    Sector),
        spec("sec_mom_63",      64, "C,sector", Z,    None),
    ]
};

const fn spec(
    name: &'static str,
    bars: usize,
    inputs: &'static str,
    norm: Norm,
    neutral: Neutral,
) -> Spec {
    Spec { name, bars, inputs, norm, neutral }
}

/// In the order of every feature row.
pub fn names() -> [&'static str; COUNT] {
    SPECS.map(|spec| spec.name)
}

/// The canonical text: keys sorted, no blanks, ASCII.
pub fn json() -> String {
    let mut text = String::from(r#"{"features":["#);
    for (i, Spec { name, bars, inputs, norm, neutral }) in SPECS.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let (norm, neutral) = (norm.code(), neutral.code());
        write!(
            text,
            r#"{comma}{{"bars":{bars},"i":{i},"inputs":"{inputs}","name":"{name}","neutral":"{neutral}","norm":"{norm}"}}"#
        )
        .expect("a string takes any text");
    }
    write!(
        text,
        r#"],"params":{{"clip":"{CLIP}","min_names":{MIN_NAMES},"min_sector":{MIN_SECTOR},"minp_frac":"0.9","winsor_mad":"{WINSOR_MAD}"}},"schema":{SCHEMA}}}"#
    )
    .expect("a string takes any text");
    text
}

/// SHA-256 (hex) of [`json`]: in every feature message and every model.
pub fn sha256() -> String {
    messages::sha256_hex(json().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_oracles_to_the_byte() {
        assert_eq!(json(), include_str!("../tests/fixtures/whitelist.json"));
    }

    /// There: the hash covered the names of the keys alone, so another transform went by the same hash.
    #[test]
    fn prior_art_43_the_hash_covers_all_that_a_feature_is() {
        let said: Vec<String> = SPECS
            .iter()
            .enumerate()
            .map(|(i, spec)| {
                let Spec { name, bars, inputs, norm, neutral } = spec;
                let (norm, neutral) = (norm.code(), neutral.code());
                format!(
                    r#""bars":{bars},"i":{i},"inputs":"{inputs}","name":"{name}","neutral":"{neutral}","norm":"{norm}""#
                )
            })
            .collect();
        let text = json();
        assert!(said.iter().all(|spec| text.contains(spec)));
        for (from, to) in [(r#""norm":"rank""#, r#""norm":"z""#), (r#""bars":22"#, r#""bars":23"#)]
        {
            assert!(text.contains(from), "{from}");
            assert_ne!(messages::sha256_hex(text.replacen(from, to, 1).as_bytes()), sha256());
        }
        assert_eq!(messages::sha256_hex(text.as_bytes()), sha256());
    }

    /// There: a name counted as a member where it was a part of one (`ret_1` of `ret_10`), and two features were one.
    #[test]
    fn prior_art_38_names_are_unique() {
        let unique: std::collections::BTreeSet<_> = names().into_iter().collect();
        assert_eq!(unique.len(), COUNT);
    }
}
