//! What was asked for, and what was measured.

/// The lines of the last table.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    lines: Vec<Line>,
    /// What counting is compared with, in MB/s: tiktoken-rs, natively, on English.
    pub(crate) base: Option<f64>,
}

/// What that was on the machine by which the targets in milliseconds were set, when nothing else ran there.
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

    /// A time, and what it would be on the machine that the target was set by, going by tiktoken-rs.
    pub(crate) fn time_at_most(&mut self, what: impl Into<String>, asked: f64, measured: f64, unit: &str) {
        let scaled = measured * self.base.unwrap_or(f64::NAN) / USUAL;
        let asked_of = format!("at most {asked}{unit}");
        self.line(what.into(), asked_of, format!("{scaled:.1}{unit} (here {measured:.1})"), scaled <= asked);
    }

    fn line(&mut self, what: String, asked: String, measured: String, is_met: bool) {
        self.lines.push(Line { what, asked, measured, is_met });
    }

    pub(crate) fn print(&self) {
        println!("Times are as they would be where tiktoken-rs counts {USUAL} MB/s of English natively.\n");
        println!("| what | asked | measured | |\n|---|---:|---:|---|");
        for Line { what, asked, measured, is_met } in &self.lines {
            println!("| {what} | {asked} | {measured} | {} |", if *is_met { "" } else { "missed" });
        }
    }
}
