//! Targets and measured values.

/// Lines of the last table.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    lines: Vec<Line>,
    /// Reference speed in MB/s: native tiktoken-rs, English.
    pub(crate) base: Option<f64>,
}

/// Reference speed on the otherwise idle machine for which the targets in milliseconds were set.
const USUAL: f64 = 42.2;

#[derive(Debug)]
struct Line {
    what: String,
    asked: String,
    measured: String,
    is_met: bool,
}

impl Targets {
    pub(crate) fn at_least(&mut self, what: impl Into<String>, asked: f64, measured: f64, unit: &str) {
        let is_met = measured >= asked;
        self.line(what.into(), format!("at least {asked}{unit}"), format!("{measured:.2}{unit}"), is_met);
    }

    pub(crate) fn at_most(&mut self, what: impl Into<String>, asked: f64, measured: f64, unit: &str) {
        let is_met = measured <= asked;
        self.line(what.into(), format!("at most {asked}{unit}"), format!("{measured:.2}{unit}"), is_met);
    }

    /// Adds a time, scaled by the speed of tiktoken-rs to the machine for which the target was set.
    pub(crate) fn time_at_most(&mut self, what: impl Into<String>, asked: f64, measured: f64, unit: &str) {
        let scaled = measured * self.base.unwrap_or(f64::NAN) / USUAL;
        let asked_of = format!("at most {asked}{unit}");
        self.line(what.into(), asked_of, format!("{scaled:.1}{unit} (here {measured:.1})"), scaled <= asked);
    }

    fn line(&mut self, what: String, asked: String, measured: String, is_met: bool) {
        self.lines.push(Line { what, asked, measured, is_met });
    }

    pub(crate) fn print(&self) {
        println!("Times are scaled to a machine on which native tiktoken-rs counts {USUAL} MB/s of English.\n");
        println!("| what | asked | measured | |\n|---|---:|---:|---|");
        for Line { what, asked, measured, is_met } in &self.lines {
            println!("| {what} | {asked} | {measured} | {} |", if *is_met { "" } else { "missed" });
        }
    }
}
