//! An explanation in words: one line, or a page.

use super::{Contribution, Explanation, KillStep, Origin, ScoreStep, TargetStep};
use crate::format::money;
use std::fmt::{self, Write};

/// The largest contributions that the line tells.
const CONTRIBUTIONS: usize = 3;

/// One line, from the order back to its cause; `#n` is a journal position.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_order_id, side, quantity, symbol, order_at, outcome, .. } = self;
        write!(f, "{side} {} {symbol} ({client_order_id} #{order_at}): {outcome}", quantity.0)?;
        self.fmt_fills(f)?;
        if let Some(kill) = &self.kill {
            kill.fmt(f)?;
        } else {
            match &self.target {
                Some(target) => target.fmt(f)?,
                None => write!(f, " <- no target in the journal")?,
            }
            match &self.score {
                Some(score) => score.fmt(f)?,
                None => write!(f, " <- no score in the journal")?,
            }
        }
        if let Some(at) = self.features_at {
            write!(f, " <- features #{at}")?;
        }
        if let Some(at) = self.bars_at {
            write!(f, " <- bars #{at}")?;
        }
        self.signal_session.iter().try_for_each(|session| write!(f, " of {session}"))
    }
}

impl Explanation {
    fn fmt_fills(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fill) in self.fills.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma} {} @ {} #{}", fill.quantity.0, fill.price, fill.at)?;
        }
        match self.shortfall_bp {
            Some(bp) => write!(f, ", {bp:+.1} bp against its close {}", self.reference),
            None => write!(f, ", sized at {}", self.reference),
        }
    }
}

impl fmt::Display for KillStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, reason, operator, .. } = self;
        write!(f, " <- kill of level flatten by {operator}: {reason} #{at}")
    }
}

impl fmt::Display for TargetStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, weight, quantity, held, cost_bp, .. } = self;
        let percent = weight * 100.0;
        write!(f, " <- target {quantity} from {held}, {percent:+.2} % of NAV, ")?;
        write!(f, "predicted cost {cost_bp:.1} bp #{at}")?;
        if !self.binding.is_empty() {
            write!(f, " held by {}", self.binding.join(", "))?;
        }
        self.relaxed.iter().try_for_each(|limit| write!(f, ", {limit}"))
    }
}

impl fmt::Display for ScoreStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, model_id, score, rank, names, contributions, .. } = self;
        write!(f, " <- score {score:+.5}, rank {rank} of {names} by {model_id}")?;
        for (i, Contribution { feature, value }) in
            contributions.iter().take(CONTRIBUTIONS).enumerate()
        {
            write!(f, "{} {feature} {value:+.5}", if i == 0 { ":" } else { "," })?;
        }
        write!(f, " #{at}")
    }
}

impl Explanation {
    /// A page for a terminal, from the order back to its cause; `#n` is a journal position. Ends with a line feed.
    pub fn page(&self) -> String {
        let mut page = String::new();
        self.write_page(&mut page).expect("writing to a String");
        page
    }

    fn write_page(&self, page: &mut String) -> fmt::Result {
        let Self { client_order_id, side, quantity, symbol, outcome, .. } = self;
        writeln!(page, "{client_order_id}: {side} {} {symbol}, {outcome}", quantity.0)?;
        for step in &self.life {
            writeln!(page, "  #{:<6} {}", step.at, step.says)?;
        }
        self.write_costs(page)?;
        if let Some(KillStep { at, reason, operator, .. }) = &self.kill {
            writeln!(page, "\nkill #{at}: level flatten by {operator}: {reason}")?;
        } else {
            self.write_plan(page)?;
        }
        self.write_bar(page)?;
        if let Some(origin) = &self.origin {
            origin.write_page(page)?;
        }
        self.trace_id.iter().try_for_each(|id| writeln!(page, "  trace     {id}"))
    }

    fn write_plan(&self, page: &mut String) -> fmt::Result {
        match &self.target {
            Some(target) => target.write_page(page)?,
            None => writeln!(page, "\ntarget      none in the journal")?,
        }
        match &self.score {
            Some(score) => score.write_page(page)?,
            None => writeln!(page, "\nscore       none in the journal")?,
        }
        self.write_features(page)
    }

    fn write_costs(&self, page: &mut String) -> fmt::Result {
        let bp = |bp: Option<f64>| bp.map_or("n/a".to_owned(), |bp| format!("{bp:+.1} bp"));
        let predicted = self.predicted_cost.map_or("n/a".to_owned(), money);
        writeln!(
            page,
            "\ncosts       predicted {} ({predicted}), spread and impact; realised {} ({}) against the close {} it \
             was sized with, the move since then included",
            bp(self.target.as_ref().map(|target| target.cost_bp)),
            bp(self.shortfall_bp),
            money(self.shortfall),
            self.reference
        )
    }

    fn write_features(&self, page: &mut String) -> fmt::Result {
        let Some(at) = self.features_at else {
            return writeln!(page, "\nfeatures    none in the journal");
        };
        let wide = self.features.iter().map(|f| f.name.len()).max().unwrap_or(0).max(8);
        writeln!(page, "\nfeatures #{at}")?;
        writeln!(
            page,
            "  {:wide$}  {:>14}  {:>12}  {:>12}",
            "", "raw", "transformed", "to the score"
        )?;
        for feature in &self.features {
            let raw = feature.raw.map_or("missing".to_owned(), |raw| format!("{raw:.6}"));
            let number = |x: Option<f32>| x.map_or("missing".to_owned(), |x| format!("{x:+.5}"));
            let (value, part) = (number(feature.transformed), number(feature.contribution));
            writeln!(page, "  {:wide$}  {raw:>14}  {value:>12}  {part:>12}", feature.name)?;
        }
        Ok(())
    }

    fn write_bar(&self, page: &mut String) -> fmt::Result {
        let (Some(at), Some(bar)) = (self.bars_at, &self.bar) else {
            return writeln!(page, "\nbar         none in the journal");
        };
        let session = self.signal_session.map_or(String::new(), |session| format!(" of {session}"));
        writeln!(
            page,
            "\nbar #{at}{session}: open {} high {} low {} close {} volume {} raw close {}",
            bar.open, bar.high, bar.low, bar.close, bar.volume, bar.raw_close
        )
    }
}

impl TargetStep {
    fn write_page(&self, page: &mut String) -> fmt::Result {
        let Self { at, weight, quantity, held, mark, nav, theta, .. } = self;
        writeln!(
            page,
            "\ntarget #{at}: {quantity} from {held} at {mark}, wished {:+.3} % of NAV {nav}; {:.1} % of the way to \
             the wished book",
            weight * 100.0,
            theta * 100.0
        )?;
        self.binding.iter().try_for_each(|limit| writeln!(page, "  held by   {limit}"))?;
        self.relaxed.iter().try_for_each(|limit| writeln!(page, "  {limit}"))
    }
}

impl ScoreStep {
    fn write_page(&self, page: &mut String) -> fmt::Result {
        let Self { at, model_id, model_sha256, score, rank, names, bias, .. } = self;
        write!(page, "\nscore #{at}: {score:+.6}, rank {rank} of {names}")?;
        bias.iter().try_for_each(|bias| write!(page, ", of which bias {bias:+.6}"))?;
        writeln!(page, "\n  model     {model_id} sha256 {model_sha256}")
    }
}

impl Origin {
    fn write_page(&self, page: &mut String) -> fmt::Result {
        let Self { run_id, env, source, history, .. } = self;
        writeln!(page, "\norigin      run {run_id} ({env}), bars from {source}")?;
        writeln!(
            page,
            "  history   {} sessions through {} sha256 {}",
            history.sessions, history.through, history.sha256
        )?;
        let bars = self.bars_sha256.as_deref().unwrap_or("n/a");
        writeln!(page, "  bars      sha256 {bars}")?;
        writeln!(page, "  whitelist sha256 {}", self.whitelist_sha256)?;
        writeln!(page, "  sectors   sha256 {}", self.sectors_sha256)?;
        writeln!(page, "  config    sha256 {}", self.config_sha256)
    }
}
