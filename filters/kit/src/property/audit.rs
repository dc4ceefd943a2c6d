//! Names of verdicts in an audit: nothing is refused or edited, and the verdict says what would have been.

use std::borrow::Cow;

/// Verdict of a stage in an audit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Audited {
    /// Verdict under its name in an audit.
    Recorded(Cow<'static, str>),
    /// Verdict that would not have occurred, because the call would have been refused before.
    Superseded,
}

/// Verdicts of a call in an audit.
#[derive(Debug, Default)]
pub(super) struct Audit {
    would_refuse: bool,
}

impl Audit {
    /// Records a verdict.
    pub(super) fn record(&mut self, verdict: &str) -> Audited {
        let name: Cow<'static, str> = match verdict {
            _ if self.would_refuse => return Audited::Superseded,
            "allow" => "allow".into(),
            "log" => "log".into(),
            "redact" => "would_redact".into(),
            "block" => "would_block".into(),
            refused => format!("would_refuse_{refused}").into(),
        };
        self.would_refuse = !matches!(verdict, "allow" | "log" | "redact");
        Audited::Recorded(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_is_kept() {
        let mut audit = Audit::default();
        let mut name = |verdict| match audit.record(verdict) {
            Audited::Recorded(name) => name.into_owned(),
            Audited::Superseded => "-".to_owned(),
        };
        let verdicts = ["allow", "log", "redact", "limited", "block", "redact"];
        assert_eq!(
            verdicts.map(&mut name),
            ["allow", "log", "would_redact", "would_refuse_limited", "-", "-"].map(str::to_owned)
        );
        assert_eq!(Audit::default().record("block"), Audited::Recorded("would_block".into()));
    }
}
