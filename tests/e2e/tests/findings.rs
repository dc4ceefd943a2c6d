//! Failures of a run. All scenarios of a deployment share one Envoy, so a failure does not end the run: it is recorded with
//! its context, and the test fails at its end with all of them.

use std::fmt;

/// Failures of one deployment.
#[derive(Debug)]
pub struct Findings {
    deployment: &'static str,
    context: String,
    found: Vec<(String, String)>,
}

impl Findings {
    pub fn new(deployment: &'static str) -> Findings {
        Findings { deployment, context: String::new(), found: Vec::new() }
    }

    /// Sets the context of the next findings: scenario and framing.
    pub fn about(&mut self, context: impl fmt::Display) {
        self.context = context.to_string();
    }

    /// Returns the current context.
    pub fn context(&self) -> String {
        self.context.clone()
    }

    /// Records a failure.
    pub fn add(&mut self, what: impl fmt::Display) {
        self.found.push((self.context.clone(), what.to_string()));
    }

    /// Records a failure unless two values are equal.
    pub fn same<A: fmt::Debug + PartialEq<B>, B: fmt::Debug>(&mut self, what: &str, got: A, want: B) {
        if got != want {
            self.add(format_args!("{what} is {got:?}, should be {want:?}"));
        }
    }

    /// Records a failure unless `holds`.
    pub fn holds(&mut self, holds: bool, what: impl fmt::Display) {
        if !holds {
            self.add(what);
        }
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Fails the test if there was any failure. One that is the same in several framings is shown once, with all of them.
    pub fn settle(self) {
        const MOST: usize = 60;
        let mut merged: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        for (context, what) in &self.found {
            let (about, framing) = context.rsplit_once(" / ").unwrap_or((context, ""));
            match merged.iter_mut().find(|(a, w, _)| (*a, *w) == (about, what)) {
                Some((_, _, framings)) => framings.push(framing),
                None => merged.push((about, what, vec![framing])),
            }
        }
        if merged.is_empty() {
            return;
        }
        let shown = merged.iter().take(MOST).map(|(about, what, framings)| {
            format!("- {} / {about} / {}: {what}", self.deployment, framings.join(", "))
        });
        panic!("{} findings:\n{}", merged.len(), shown.collect::<Vec<_>>().join("\n"));
    }
}
