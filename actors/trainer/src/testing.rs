//! Panels and markets with known answers, reproducible bit for bit.

use crate::panel::{Day, Panel, Source};
use messages::{Bars, Date, Member, Symbol};

/// SplitMix64, and normals from sums of its uniforms: enough for tests, identical everywhere.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Features and labels without any relation. `days` dates of `names` names, `columns` columns.
pub(crate) fn noise_panel(days: usize, names: usize, columns: usize) -> Panel {
    planted_panel(days, names, columns, 0.0, 1)
}

/// Labels that hold `strength` times the first feature (whose IC is then about `strength`).
pub(crate) fn planted_panel(
    days: usize,
    names: usize,
    columns: usize,
    strength: f64,
    seed: u64,
) -> Panel {
    let mut noise = Noise(seed);
    let mut day = |index: usize| {
        let mut values: Vec<f32> = (0..names * columns).map(|_| noise.normal() as f32).collect();
        let label = |row: usize| strength * f64::from(values[row * columns]) + noise.normal();
        let returns: Vec<f64> = (0..names).map(label).collect();
        // Some features are missing.
        values.iter_mut().skip(columns - 1).step_by(columns * 7).for_each(|v| *v = f32::NAN);
        let labels = returns.iter().map(|y| *y as f32).collect();
        Day { session: date(index), index: index + 252, values, labels, returns }
    };
    let our_names = features::whitelist::names();
    Panel {
        source: Source {
            history_sha256: "test".to_owned(),
            members_sha256: "test".to_owned(),
            members: names,
            first: date(0),
            through: date(days + 5),
            sessions: 252 + days + 6,
        },
        whitelist_sha256: features::whitelist::sha256(),
        names: our_names[..columns].iter().map(ToString::to_string).collect(),
        days: (0..days).map(&mut day).collect(),
    }
}

/// Consecutive calendar days: the trainer counts sessions, it does not know holidays.
pub(crate) fn date(index: usize) -> Date {
    let start = Date::constant(2019, 1, 1);
    (0..index).fold(start, |date, _| date.tomorrow().expect("tests stay in this century"))
}

/// A market of independent random walks with a common factor, in four sectors.
pub(crate) fn market(sessions: usize, names: usize, seed: u64) -> (Vec<Bars>, Vec<Member>) {
    let mut noise = Noise(seed);
    let sectors = ["Energy", "Health", "Tech", "Utilities"];
    let member = |i: usize| Member {
        symbol: Symbol(format!("S{i:03}")),
        sector: sectors[i % sectors.len()].to_owned(),
    };
    let members: Vec<Member> = (0..names).map(member).collect();
    let mut closes = vec![50.0; names];
    let mut day = date(0);
    let mut history = Vec::new();
    for _ in 0..sessions {
        let mut bars = Bars::empty(day);
        let factor = 0.008 * noise.normal();
        for (i, member) in members.iter().enumerate() {
            let beta = 0.5 + i as f64 / names as f64;
            let open: f64 = closes[i] * (0.004 * noise.normal()).exp();
            let close = open * (beta * factor + 0.015 * noise.normal()).exp();
            let high = open.max(close) * (1.0 + 0.004 * noise.uniform());
            let low = open.min(close) * (1.0 - 0.004 * noise.uniform());
            let volume = (2e6 * (0.3 * noise.normal()).exp()).round();
            bars.push(member.symbol.clone(), [open, high, low, close, volume, close]);
            closes[i] = close;
        }
        history.push(bars);
        day = day.tomorrow().expect("tests stay in this century");
    }
    (history, members)
}
