//! `aurora.toml`: every limit written down, every unknown key an error.

use crate::failure::{Failure, fail};
use messages::{ExecutionRules, Limits, RiskRules, sha256_hex};
use serde::Deserialize;
use std::fs;
use std::path::Path;
use trainer::TrainConfig;

/// The file the demo and the backtest use as it is.
const SHIPPED: &str = include_str!("../../../deploy/aurora.toml");

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub limits: Limits,
    pub risk: RiskRules,
    pub execution: ExecutionRules,
    pub training: TrainConfig,
    pub alpaca: Alpaca,
    pub schedule: Schedule,
    /// SHA-256 of the file's bytes.
    #[serde(skip)]
    pub sha256: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alpaca {
    pub trading: String,
    pub data: String,
    pub data_stream: String,
    pub trading_stream: String,
    pub feed: String,
    pub adjustment: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// `HH:MM`, New York.
    pub open_session: String,
}

impl Config {
    pub fn shipped() -> Result<Self, Failure> {
        Self::parse(SHIPPED, "deploy/aurora.toml")
    }

    /// `path`, or the shipped file where none is named.
    pub fn read_or_shipped(path: Option<&Path>) -> Result<Self, Failure> {
        path.map_or_else(Self::shipped, Self::read)
    }

    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            fail(format!(
                "can't read the configuration {}: {error}; copy deploy/aurora.toml there and edit it",
                path.display()
            ))
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    fn parse(text: &str, name: &str) -> Result<Self, Failure> {
        let mut config: Self =
            toml::from_str(text).map_err(|error| fail(format!("{name}: {error}")))?;
        config.sha256 = sha256_hex(text.as_bytes());
        config.check(name)?;
        Ok(config)
    }

    fn check(&self, name: &str) -> Result<(), Failure> {
        if jiff::civil::Time::strptime("%H:%M", &self.schedule.open_session).is_err() {
            let text = format!("{name}: schedule.open_session is no time like \"08:00\"");
            return Err(fail(text));
        }
        let sessions = [self.training.train_sessions_min, self.training.test_sessions];
        if sessions.iter().any(|sessions| *sessions > 20_000) {
            return Err(fail(format!(
                "{name}: [training] asks for more sessions than markets have had"
            )));
        }
        self.training.validate().map_err(|error| fail(format!("{name}: [training] {error}")))?;
        self.check_limits()
            .and_then(|()| self.check_risk())
            .and_then(|()| self.check_execution())
            .map_err(|error| fail(format!("{name}: {error}")))
    }

    fn check_limits(&self) -> Result<(), String> {
        let limits = &self.limits;
        within("limits.gross", limits.gross, 10.0)?;
        within("limits.gross_max", limits.gross_max, 10.0)?;
        within("limits.name_max", limits.name_max, 1.0)?;
        within("limits.net_max", limits.net_max, 1.0)?;
        within("limits.beta_max", limits.beta_max, 1.0)?;
        within("limits.sector_net_max", limits.sector_net_max, 1.0)?;
        within("limits.adv_share_max", limits.adv_share_max, 1.0)?;
        within("limits.order_max", limits.order_max, 1.0)?;
        if limits.gross > limits.gross_max {
            return Err("limits.gross is above limits.gross_max".to_owned());
        }
        Ok(())
    }

    fn check_execution(&self) -> Result<(), String> {
        let execution = &self.execution;
        within("execution.collar", execution.collar, 1.0)?;
        within("execution.flatten_share", execution.flatten_share, 1.0)?;
        match execution.participation {
            Some(share) => within("execution.participation", share, 1.0)?,
            None if execution.style != messages::Style::Sliced => {}
            None => return Err("execution.style = \"sliced\" wants execution.participation".into()),
        }
        if execution.collar > self.risk.collar {
            return Err(
                "execution.collar is above risk.collar: no limit would pass the gate".to_owned()
            );
        }
        Ok(())
    }

    fn check_risk(&self) -> Result<(), String> {
        let risk = &self.risk;
        within("risk.risk_aversion", risk.risk_aversion, 1000.0)?;
        within("risk.turnover_max", risk.turnover_max, 20.0)?;
        within("risk.collar", risk.collar, 1.0)?;
        within("risk.equity_left_min", risk.equity_left_min, 1.0)?;
        within("risk.plan_multiple", risk.plan_multiple, 100.0)?;
        if risk.plan_multiple < 1.0 {
            return Err("risk.plan_multiple is below 1: no plan could be carried out".to_owned());
        }
        if risk.orders_per_minute == 0 || risk.order_max_usd == 0 {
            return Err("risk.orders_per_minute and risk.order_max_usd must be above 0".to_owned());
        }
        let breakers = &risk.breakers;
        if breakers.rejects_in_a_row == 0 {
            return Err("risk.breakers.rejects_in_a_row must be above 0".to_owned());
        }
        for (key, levels) in [("day_loss", breakers.day_loss), ("drawdown", breakers.drawdown)] {
            levels
                .iter()
                .try_for_each(|level| within(&format!("risk.breakers.{key}"), *level, 1.0))?;
            if !levels.is_sorted() {
                return Err(format!("risk.breakers.{key}: each level is at least the one before"));
            }
        }
        Ok(())
    }
}

fn within(key: &str, value: f64, most: f64) -> Result<(), String> {
    if value > 0.0 && value <= most {
        return Ok(());
    }
    Err(format!("{key} is {value}; it must be in (0, {most}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_sound() {
        assert_eq!(Config::shipped().expect("shipped").limits.gross, 1.0);
    }

    #[test]
    fn a_misspelt_key_or_a_missing_limit_is_named() {
        let misspelt = SHIPPED.replace("gross_max", "gros_max");
        assert!(Config::parse(&misspelt, "x").expect_err("typo").to_string().contains("gros_max"));
        let missing: String = SHIPPED
            .lines()
            .filter(|line| !line.starts_with("name_max"))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(Config::parse(&missing, "x").expect_err("gap").to_string().contains("name_max"));
        let absurd = SHIPPED.replace("name_max = 0.03", "name_max = 3.0");
        assert!(
            Config::parse(&absurd, "x").expect_err("size").to_string().contains("limits.name_max")
        );
    }

    #[test]
    fn a_plan_that_is_sliced_says_by_how_much() {
        let sliced = SHIPPED.replace("style = \"auction\"", "style = \"sliced\"");
        let style = |text: &str| Config::parse(text, "x").map(|config| config.execution.style);
        assert_eq!(style(&sliced).expect("sound"), messages::Style::Sliced);
        let without = |text: &str| -> String {
            let lines = text.lines().filter(|line| !line.starts_with("participation"));
            lines.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(style(&without(SHIPPED)).expect("older files"), messages::Style::Auction);
        let error = style(&without(&sliced)).expect_err("how much?").to_string();
        assert!(error.contains("execution.participation"), "{error}");
    }

    /// Defect 36 of the prior art: two sets of limits that disagreed. There is one file, and it is read whole or not.
    #[test]
    fn prior_art_36_rules_are_written_down_once_and_make_sense() {
        let named = |from: &str, to: &str, by: &str| {
            let text = SHIPPED.replace(from, to);
            assert_ne!(text, SHIPPED, "{from}");
            let error = Config::parse(&text, "x").expect_err(to).to_string();
            assert!(error.contains(by), "{error}");
        };
        named("collar = 0.05", "", "collar");
        named("shorts = true", "shorts = true\nshort = false", "short");
        named("risk_aversion = 5.0", "risk_aversion = 0.0", "risk.risk_aversion");
        named("plan_multiple = 3.0", "plan_multiple = 0.5", "risk.plan_multiple");
        named("[0.01, 0.015, 0.025]", "[0.02, 0.015, 0.025]", "risk.breakers.day_loss");
        named("[0.05, 0.08, 0.10]", "[0.05, 0.08]", "drawdown");
        named("flatten_share = 0.05", "flatten_share = 5", "execution.flatten_share");
        named("participation = 0.05", "participation = 1.5", "execution.participation");
        named("style = \"auction\"", "style = \"vwap\"", "vwap");
        named(
            "collar = 0.05             # how far a limit",
            "collar = 0.06  #",
            "execution.collar",
        );
    }
}
