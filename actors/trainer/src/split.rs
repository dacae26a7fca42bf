//! One purged walk-forward split, and an inner one to choose the number of trees (METHODS.md §3).
//!
//! A signal of session s enters at the open of s+1 and leaves at the open of s+1+h; its label is known
//! then. With τ the first test signal, training may use s ≤ τ−h−1−E: the last label is known E
//! sessions before τ.

use crate::panel::WARM_UP;
use crate::{TrainConfig, TrainError};
use std::ops::Range;

/// Ranges of positions among the label-complete dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// What the candidates for the number of trees are fitted on.
    pub fit: Range<usize>,
    /// Where they are compared: the end of `train`.
    pub validation: Range<usize>,
    /// What the model is fitted on.
    pub train: Range<usize>,
    /// What nothing but the final audit sees.
    pub test: Range<usize>,
}

impl Split {
    /// `indices`: the session number of each label-complete date, ascending.
    /// `sessions`: how long the history is, for the error message.
    pub fn new(
        indices: &[usize],
        sessions: usize,
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        let dates = indices.len();
        let test = dates - test_len(dates, config)..dates;
        let train = 0..purged_before(indices, test.start, config);
        if test.is_empty() || train.len() < config.train_sessions_min {
            let needed = dates_needed(config);
            return Err(TrainError::TooFew {
                needed,
                got: dates,
                train_min: config.train_sessions_min,
                sessions,
                missing: missing(indices, sessions, needed, config),
            });
        }
        let validation = train.end - config.validation_sessions..train.end;
        let fit = 0..purged_before(indices, validation.start, config);
        Ok(Self { fit, validation, train, test })
    }

    /// How many training labels are not yet known at the first test signal: zero, or it is no test.
    pub fn overlapping(&self, indices: &[usize], horizon: usize) -> usize {
        let first_test = indices[self.test.start];
        indices[self.train.clone()].iter().filter(|s| *s + 1 + horizon >= first_test).count()
    }
}

fn test_len(dates: usize, config: &TrainConfig) -> usize {
    config.test_sessions.min(dates / 3)
}

/// How many of the dates before `first` are far enough from it.
fn purged_before(indices: &[usize], first: usize, config: &TrainConfig) -> usize {
    match indices.get(first) {
        Some(first) => indices.partition_point(|s| s + config.purge() <= *first),
        None => 0,
    }
}

/// The least number of consecutive dates that can be split.
fn dates_needed(config: &TrainConfig) -> usize {
    let trains =
        |dates: usize| (dates - test_len(dates, config)).saturating_sub(config.purge() - 1);
    // From what certainly does not suffice.
    let mut dates = config.train_sessions_min;
    while trains(dates) < config.train_sessions_min || test_len(dates, config) == 0 {
        dates += 1;
    }
    dates
}

/// Sessions to add; before the first usable date there is the warm-up.
fn missing(indices: &[usize], sessions: usize, needed: usize, config: &TrainConfig) -> usize {
    let warm_up = indices.first().copied().unwrap_or(WARM_UP);
    (warm_up + needed + config.horizon + 1).saturating_sub(sessions).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_numbers_of_methods() {
        let config = TrainConfig::default();
        // Ten years: signals 252..2500.
        let indices: Vec<usize> = (252..2500).collect();
        let split = Split::new(&indices, 2506, &config).unwrap();
        let sessions = |range: &Range<usize>| (indices[range.start], indices[range.end - 1]);
        assert_eq!(sessions(&split.test), (2248, 2499));
        assert_eq!(sessions(&split.train), (252, 2248 - 5 - 1 - 5));
        assert_eq!(sessions(&split.validation), (2112, 2237));
        assert_eq!(sessions(&split.fit), (252, 2112 - 11));
    }

    #[test]
    fn too_few_says_how_many() {
        let config = TrainConfig::default();
        let needed = dates_needed(&config);
        // With n dates a third is tested, ten fall to the purge, and 504 must be left.
        assert_eq!(needed, 766);
        let indices: Vec<usize> = (252..252 + needed).collect();
        assert!(Split::new(&indices, 2000, &config).is_ok());
        let short = Split::new(&indices[..needed - 1], 252 + needed + 5, &config);
        let text = short.unwrap_err().to_string();
        assert!(text.starts_with("TOO_FEW_DATES: 766 signal dates"), "{text}");
        assert!(text.ends_with("about 1 sessions more"), "{text}");
        let none = Split::new(&[], 100, &config).unwrap_err().to_string();
        assert!(none.ends_with("about 924 sessions more"), "{none}");
    }

    proptest! {
        /// Whatever the dates and the lengths: no training label ends at or after the first test
        /// signal, nor a fitted one at or after the first validation signal; nothing is in two parts.
        #[test]
        fn no_label_reaches_into_what_tests_it(
            gaps in prop::collection::vec(1_usize..4, 60..400),
            horizon in 1_usize..12,
            embargo in 1_usize..12,
            test_sessions in 1_usize..100,
            validation_sessions in 1_usize..20,
        ) {
            let indices: Vec<usize> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let mut config = TrainConfig {
                horizon, embargo, test_sessions, validation_sessions, ..TrainConfig::default()
            };
            config.train_sessions_min = validation_sessions + config.purge() + 1;
            let Ok(split) = Split::new(&indices, 500, &config) else { return Ok(()) };
            let last_label = |range: &Range<usize>| indices[range.end - 1] + 1 + horizon;
            prop_assert!(!split.fit.is_empty() && !split.test.is_empty());
            prop_assert!(last_label(&split.train) + embargo <= indices[split.test.start]);
            prop_assert!(last_label(&split.fit) + embargo <= indices[split.validation.start]);
            prop_assert_eq!(split.overlapping(&indices, horizon), 0);
            prop_assert_eq!(split.validation.end, split.train.end);
            prop_assert_eq!(split.test.end, indices.len());
            prop_assert!(split.fit.end <= split.validation.start);
            prop_assert!(split.train.end <= split.test.start);
        }
    }

    #[test]
    fn an_unpurged_split_is_counted() {
        let indices: Vec<usize> = (0..100).collect();
        let split = Split { fit: 0..30, validation: 30..60, train: 0..60, test: 60..100 };
        // Labels of 54..=59 end at 60..=65.
        assert_eq!(split.overlapping(&indices, 5), 6);
    }
}
