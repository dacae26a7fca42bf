//! Made-up markets: a factor model with fat tails, sectors, halts and bad ticks. The same seed gives the
//! same bars.

use messages::{Bars, Date, Member};

/// How a market is made.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) seed: u64,
    pub(crate) names: usize,
    pub(crate) sessions: usize,
    /// Share of bars that are not there, and of bars that can't be true.
    pub(crate) missing: f64,
    pub(crate) invalid: f64,
}

impl Panel {
    pub(crate) fn members(&self) -> Vec<Member> {
        let member = |i: usize| Member {
            symbol: format!("S{i:04}").as_str().into(),
            // a sector of one or two, and names without a sector, are part of life
            sector: match i % 7 {
                0 if i < 14 => "Small".to_owned(),
                1 if i < 14 => String::new(),
                k => format!("Sector {k}"),
            },
        };
        (0..self.names).map(member).collect()
    }

    pub(crate) fn bars(&self) -> Vec<Bars> {
        let mut random = Random(self.seed);
        let members = self.members();
        let betas: Vec<f64> = members.iter().map(|_| 0.5 + random.uniform()).collect();
        let mut closes: Vec<f64> =
            members.iter().map(|_| 20.0 + 150.0 * random.uniform()).collect();
        let mut session: Date = Date::constant(2014, 1, 1);
        let mut all = Vec::with_capacity(self.sessions);
        for _ in 0..self.sessions {
            session = session.tomorrow().expect("far from the end of time");
            let mut bars = Bars::empty(session);
            let market = 0.01 * random.normal();
            let sectors: [f64; 7] = std::array::from_fn(|_| 0.005 * random.normal());
            for (i, member) in members.iter().enumerate() {
                let own = 0.012 * random.normal() * (0.5 + random.uniform());
                let log_return = betas[i] * market + sectors[i % 7] + own;
                let (row, close) = self.row(&mut random, closes[i], log_return);
                closes[i] = close;
                if random.uniform() >= self.missing {
                    bars.push(member.symbol.clone(), row);
                }
            }
            all.push(bars);
        }
        all
    }

    /// A bar and its close. Opens and closes are whole cents, as on a tape.
    fn row(&self, random: &mut Random, before: f64, log_return: f64) -> ([f64; 6], f64) {
        let cents = |price: f64| (price * 100.0).round().max(600.0) / 100.0;
        let close = cents(before * log_return.exp());
        let open = cents(before * (0.3 * log_return + 0.003 * random.normal()).exp());
        let high = open.max(close) * (1.0 + 0.006 * random.normal().abs());
        let low = open.min(close) * (1.0 - 0.006 * random.normal().abs());
        let volume = (5e5 * (0.4 * random.normal() + 8.0 * log_return.abs()).exp()).round();
        let is_bad = random.uniform() < self.invalid;
        let row = [open, high, if is_bad { 2.0 * high } else { low }, close, volume, close];
        (row, close)
    }
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Near enough: the sum of twelve uniforms.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
