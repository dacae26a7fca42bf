use messages::{Alarm, Kill, KillLevel};

/// Why nothing is approved. A kill lasts until a resume. An alarm, or a universe that is not covered,
/// lasts for the session: a resume says that the operator is content, not that the data are sound.
#[derive(Clone, Debug, Default)]
pub(crate) struct Halts {
    kill: Option<String>,
    /// Of the strongest kill since the last resume.
    level: Option<KillLevel>,
    session: Option<String>,
}

impl Halts {
    pub(crate) fn on_kill(&mut self, Kill { level, reason, operator }: &Kill) {
        self.level = self.level.max(Some(*level));
        self.kill = Some(format!("kill by {operator:?}: {reason}"));
    }

    pub(crate) fn on_resume(&mut self) {
        (self.kill, self.level) = (None, None);
    }

    /// The first alarm is the one that is told: later ones are often its consequences.
    pub(crate) fn on_alarm(&mut self, Alarm { code, detail, .. }: &Alarm) {
        self.session.get_or_insert_with(|| format!("alarm {code}: {detail}"));
    }

    pub(crate) fn on_coverage_failed(&mut self) {
        self.session.get_or_insert_with(|| "coverage failed".to_owned());
    }

    /// Positions are to be closed, whatever else halts.
    pub(crate) fn flattens(&self) -> bool {
        self.level == Some(KillLevel::Flatten)
    }

    pub(crate) fn reason(&self) -> Option<String> {
        self.session.clone().or_else(|| self.kill.clone())
    }
}
