//! What is to go wrong: rules, and when they fire.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

/// The body of `POST /aurora/v1/faults`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    #[serde(default)]
    pub(crate) seed: u64,
    pub(crate) rules: Vec<Rule>,
}

/// One thing that goes wrong, and how often. See the module above for the parameters of each kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) kind: Kind,
    #[serde(default, rename = "match")]
    pub(crate) matches: Match,
    /// Of what matches, so much is hit: 0 to 1.
    #[serde(default = "always")]
    pub(crate) share: f64,
    /// So many that match are let through first.
    #[serde(default)]
    pub(crate) after: u64,
    /// Fires so often at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jitter_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) headers: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) burst: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transport: Option<bool>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Latency,
    RateLimit,
    Error,
    Disconnect,
    HalfOpen,
    Slow,
    Truncate,
    RepeatPage,
    EmptyPage,
    ClockSkew,
    Drop,
    Duplicate,
    Reorder,
    Lag,
}

/// What a rule looks at; everything that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on: Option<Target>,
    /// Of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    /// Beginning of the path: of the request, or of the websocket that a message is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// Somewhere in the query of a request, or in the bytes of a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contains: Option<String>,
}

/// Requests (the handshakes of websockets among them), or what the server sends on websockets.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    Requests,
    Messages,
}

/// Before the request was worked on, or after.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    Before,
    After,
}

/// Where something could go wrong.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Event<'a> {
    Before {
        method: &'a str,
        path: &'a str,
        query: &'a str,
    },
    /// `page`: the answer is one page of several, or could be.
    After {
        method: &'a str,
        path: &'a str,
        query: &'a str,
        page: bool,
    },
    Message {
        path: &'a str,
        bytes: &'a [u8],
    },
}

/// A rule with its random numbers and its counts.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    pub(crate) rule: Rule,
    pub(crate) seen: u64,
    pub(crate) fired: u64,
    random: ChaCha8Rng,
    burst_left: u32,
}

/// A rule that fires, and a number in [0, 1) for whatever in it is random.
#[derive(Clone, Debug)]
pub(crate) struct Firing {
    pub(crate) rule: Rule,
    pub(crate) draw: f64,
}

impl Rule {
    /// What is wrong with it, in words.
    pub(crate) fn problem(&self) -> Option<String> {
        let kind = self.kind.name();
        let taken = self.kind.parameters();
        let given = [
            ("when", self.when.is_some()),
            ("ms", self.ms.is_some()),
            ("jitter_ms", self.jitter_ms.is_some()),
            ("status", self.status.is_some()),
            ("headers", self.headers.is_some()),
            ("burst", self.burst.is_some()),
            ("bytes", self.bytes.is_some()),
            ("transport", self.transport.is_some()),
        ];
        if let Some((name, _)) = given.iter().find(|(name, given)| *given && !taken.contains(name))
        {
            return Some(format!("{kind} takes no {name}; it takes {taken:?}"));
        }
        if !(0.0..=1.0).contains(&self.share) {
            return Some(format!("share is {}: between 0 and 1", self.share));
        }
        if self.status.is_some_and(|status| ![500, 502, 503, 504].contains(&status)) {
            return Some("status is 500, 502, 503 or 504".to_owned());
        }
        if self.bytes == Some(0) && self.kind == Kind::Slow {
            return Some("slow sends 1 byte at a time at least".to_owned());
        }
        if self.ms.is_some_and(|ms| ms < 0) && self.kind != Kind::ClockSkew {
            return Some(format!("ms of {kind} can't be negative"));
        }
        let target = self.target();
        if !self.kind.targets().contains(&target) {
            return Some(format!("{kind} happens to {:?} only", self.kind.targets()));
        }
        let messages = target == Target::Messages;
        (messages && (self.matches.method.is_some() || self.when.is_some()))
            .then(|| "messages have neither a method nor a before and after".to_owned())
    }

    pub(crate) fn target(&self) -> Target {
        self.matches.on.unwrap_or(self.kind.targets()[0])
    }

    pub(crate) fn when(&self) -> When {
        let usually = match self.kind {
            Kind::Latency | Kind::RateLimit => When::Before,
            _ => When::After,
        };
        self.when.unwrap_or(usually)
    }

    pub(crate) fn milliseconds(&self, usually: i64) -> i64 {
        self.ms.unwrap_or(usually)
    }

    fn fits(&self, event: Event<'_>) -> bool {
        let text = |wanted: &Option<String>, fits: &dyn Fn(&str) -> bool| {
            wanted.as_ref().is_none_or(|wanted| fits(wanted))
        };
        let request = |method: &str, path: &str, query: &str| {
            self.target() == Target::Requests
                && text(&self.matches.method, &|wanted| method.eq_ignore_ascii_case(wanted))
                && text(&self.matches.path, &|wanted| path.starts_with(wanted))
                && text(&self.matches.contains, &|wanted| query.contains(wanted))
        };
        match event {
            Event::Before { method, path, query } => {
                self.when() == When::Before && request(method, path, query)
            }
            Event::After { method, path, query, page } => {
                let possible = match self.kind {
                    Kind::EmptyPage => page,
                    Kind::RepeatPage => page && query.contains("page_token="),
                    Kind::ClockSkew => path.ends_with("/clock"),
                    _ => true,
                };
                possible && self.when() == When::After && request(method, path, query)
            }
            Event::Message { path, bytes } => {
                let within = |wanted: &str| {
                    bytes.windows(wanted.len().max(1)).any(|part| part == wanted.as_bytes())
                };
                self.target() == Target::Messages
                    && text(&self.matches.path, &|wanted| path.starts_with(wanted))
                    && text(&self.matches.contains, &within)
            }
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Latency => "latency",
            Kind::RateLimit => "rate_limit",
            Kind::Error => "error",
            Kind::Disconnect => "disconnect",
            Kind::HalfOpen => "half_open",
            Kind::Slow => "slow",
            Kind::Truncate => "truncate",
            Kind::RepeatPage => "repeat_page",
            Kind::EmptyPage => "empty_page",
            Kind::ClockSkew => "clock_skew",
            Kind::Drop => "drop",
            Kind::Duplicate => "duplicate",
            Kind::Reorder => "reorder",
            Kind::Lag => "lag",
        }
    }

    fn parameters(self) -> &'static [&'static str] {
        match self {
            Kind::Latency => &["ms", "jitter_ms", "when"],
            Kind::RateLimit => &["headers", "burst", "ms"],
            Kind::Error => &["status", "when", "burst"],
            Kind::Disconnect | Kind::HalfOpen => &["when"],
            Kind::Slow => &["ms", "bytes"],
            Kind::Truncate => &["bytes", "transport"],
            Kind::ClockSkew | Kind::Lag => &["ms"],
            Kind::RepeatPage | Kind::EmptyPage | Kind::Drop | Kind::Duplicate | Kind::Reorder => {
                &[]
            }
        }
    }

    /// The first is meant where a rule does not say.
    fn targets(self) -> &'static [Target] {
        match self {
            Kind::Drop | Kind::Duplicate | Kind::Reorder => &[Target::Messages],
            Kind::Latency | Kind::Disconnect | Kind::HalfOpen | Kind::Slow => {
                &[Target::Requests, Target::Messages]
            }
            _ => &[Target::Requests],
        }
    }
}

impl Armed {
    /// `number` sets its random numbers apart from those of the plan's other rules.
    pub(crate) fn new(rule: Rule, seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        Self { rule, seen: 0, fired: 0, random, burst_left: 0 }
    }

    /// Two numbers are drawn for each event that fits, whatever comes of it: what one rule does never
    /// depends on another.
    pub(crate) fn fire(&mut self, event: Event<'_>) -> Option<Firing> {
        if self.rule.kind == Kind::Lag || !self.rule.fits(event) {
            return None;
        }
        self.seen += 1;
        let (chance, draw) = (self.uniform(), self.uniform());
        let exhausted = self.rule.count.is_some_and(|count| self.fired >= count);
        let due = self.seen > self.rule.after && !exhausted && chance < self.rule.share;
        if self.burst_left > 0 {
            self.burst_left -= 1;
        } else if due {
            self.burst_left = self.rule.burst.unwrap_or(1).saturating_sub(1);
            self.fired += 1;
        } else {
            return None;
        }
        Some(Firing { rule: self.rule.clone(), draw })
    }

    fn uniform(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn always() -> f64 {
    1.0
}
