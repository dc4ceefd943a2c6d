//! What was asked for, and what was measured.

/// The lines of the last table.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    lines: Vec<Line>,
    /// What counting is compared with, in MB/s: tiktoken-rs, natively, on English.
    pub(crate) base: Option<f64>,
}

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

    fn line(&mut self, what: String, asked: String, measured: String, is_met: bool) {
        self.lines.push(Line { what, asked, measured, is_met });
    }

    pub(crate) fn print(&self) {
        println!("| what | asked | measured | |\n|---|---:|---:|---|");
        for Line { what, asked, measured, is_met } in &self.lines {
            println!("| {what} | {asked} | {measured} | {} |", if *is_met { "" } else { "missed" });
        }
    }
}
