use crate::format::{grouped, maybe_money, money, number, percent};
use crate::performance::Performance;

impl Performance {
    /// For a terminal: one line per figure, names and values aligned, ends with a line feed.
    pub fn table(&self) -> String {
        let rows = self.rows();
        let wide = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        rows.iter().map(|(name, value)| format!("{name:<wide$}  {value}\n")).collect()
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("Sessions", self.period()),
            ("Return", percent(self.total_return)),
            ("Sharpe", format!("{}  {}", number(self.sharpe, 2), self.sharpe_label)),
            ("Max drawdown", percent(self.max_drawdown)),
            ("Turnover", format!("{} x a year", number(self.turnover, 1))),
            ("Gross", self.mean_and_last(self.gross, self.gross_last, 2)),
            ("Net", self.mean_and_last(self.net, self.net_last, 3)),
            ("Beta", self.mean_and_last(self.beta, self.beta_last, 3)),
            ("Coverage", self.coverage_text()),
            ("Orders", grouped(self.counts.orders.into())),
            ("Fills", grouped(self.counts.fills.into())),
            ("Rejects", self.rejects_text()),
            ("Shortfall", self.shortfall_text()),
            ("NAV", maybe_money(self.final_nav)),
            ("Cash", maybe_money(self.cash)),
        ];
        rows.push(("Profit", self.profit_text()));
        if self.unreached > 0 {
            let (targets, sessions) = (self.unreached, self.sessions_unreached);
            let note = "targets that sliced plans were short of, in";
            rows.push(("Unreached", format!("{targets} {note} {sessions} sessions")));
        }
        if self.transfers.0 != 0 {
            rows.push(("Transfers", format!("{} in no return", money(self.transfers))));
        }
        if self.unreported_change.0 != 0 {
            let note = "came between sessions, unexplained, in no return";
            rows.push(("Not accounted", format!("{} {note}", money(self.unreported_change))));
        }
        for gap in &self.breaks {
            rows.push(("Broken", gap.to_string()));
        }
        for stop in &self.stopped {
            rows.push(("Stopped", format!("{} {}", stop.session, one_line(&stop.reason))));
        }
        rows
    }

    /// What was paid and what would have been, side by side.
    fn profit_text(&self) -> String {
        let p = &self.profit;
        format!(
            "{} after {} of fees and borrow paid; {} with those of our model, {}",
            money(p.net),
            money(p.fees_paid + p.borrow_paid),
            money(p.net_modelled),
            money(p.modelled_fees + p.modelled_borrow)
        )
    }

    fn period(&self) -> String {
        match (self.from, self.to) {
            (Some(from), Some(to)) => format!("{}  {from} to {to}", self.sessions),
            _ => "0".to_owned(),
        }
    }

    fn mean_and_last(&self, mean: Option<f64>, last: Option<f64>, decimals: usize) -> String {
        if self.sessions == 0 {
            return number(None, decimals);
        }
        format!("{} mean size, {} last", number(mean, decimals), number(last, decimals))
    }

    pub(crate) fn coverage_text(&self) -> String {
        let text = |c: &crate::Coverage| format!("{}/{}", c.got, c.expected);
        self.coverage.as_ref().map_or_else(|| number(None, 0), text)
    }

    pub(crate) fn rejects_text(&self) -> String {
        let (rejects, denied) = (self.counts.rejects, self.counts.denied);
        format!("{} by the venue, {} by risk", grouped(rejects.into()), grouped(denied.into()))
    }

    pub(crate) fn shortfall_text(&self) -> String {
        let bp = number(self.shortfall_bp, 1);
        format!("{} against sizing closes, {bp} bp of traded value", money(self.shortfall))
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
