//! Solves quadratic programmes, one JSON object a line, and answers one a line: for the Python oracle and for timing.

use risk::program::{Program, Solution, Unsolved};
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in std::io::stdin().lock().lines() {
        let program = read(&serde_json::from_str(&line?)?).ok_or("not a programme")?;
        let started = Instant::now();
        let solved = program.solve();
        let answer = match solved {
            Ok(Solution { weights, relaxed, objective, iterations }) => {
                let relaxed = relaxed.iter().map(|(soft, by)| (format!("{soft:?}"), *by));
                let relaxed: std::collections::BTreeMap<String, f64> = relaxed.collect();
                json!({"weights": weights, "relaxed": relaxed, "objective": objective, "iterations": iterations})
            }
            Err(Unsolved(why)) => json!({"unsolved": why}),
        };
        let micros = started.elapsed().as_micros();
        writeln!(std::io::stdout(), "{}", json!({"answer": answer, "micros": micros as u64}))?;
    }
    Ok(())
}

fn read(value: &Value) -> Option<Program> {
    let list = |name: &str| -> Option<Vec<f64>> {
        value[name].as_array()?.iter().map(Value::as_f64).collect()
    };
    let number = |name: &str| value[name].as_f64();
    let sector = |place: &Value| place.as_u64().map(|place| place as usize);
    Some(Program {
        alpha: list("alpha")?,
        held: list("held")?,
        beta: list("beta")?,
        sector: value["sector"].as_array()?.iter().map(sector).collect(),
        sectors: value["sectors"].as_u64()? as usize,
        idio_variance: list("idio_variance")?,
        factor_covariance: list("factor_covariance")?,
        linear_cost: list("linear_cost")?,
        quadratic_cost: list("quadratic_cost")?,
        lowest: list("lowest")?,
        highest: list("highest")?,
        gross_max: number("gross_max")?,
        beta_max: number("beta_max")?,
        net_max: number("net_max")?,
        sector_net_max: number("sector_net_max")?,
        turnover_max: number("turnover_max")?,
        risk_aversion: number("risk_aversion")?,
    })
}
