//! Text of a finding, in the manner of rustc.

use std::fmt::Write;

use tollgate_config::Step;

use super::{Document, Located};

/// Maximum number of characters of a source line that are shown.
const MAX_SHOWN: usize = 120;

impl Located {
    /// Returns the finding in one line: `tollgate.yaml:4:13: error[unknown-value]: unknown action`.
    #[must_use]
    pub fn line(&self) -> String {
        let (finding, position) = (&self.finding, self.position);
        let mut text = format!("{}:", self.file);
        if position.line > 0 {
            let _ = write!(text, "{}:{}:", position.line, position.column);
        }
        let _ = write!(text, " {}[{}]: {}", finding.severity.name(), finding.code, finding.message);
        text
    }
}

impl Document {
    /// Returns a finding with the line of the file and advice.
    #[must_use]
    pub fn show(&self, located: &Located) -> String {
        let mut text = located.line();
        text.push('\n');
        let position = located.position;
        // A secret is not printed again. It may be the value of any misspelled key of a provider, or stand beside a mistake.
        let is_safe = !matches!(located.finding.path.0.first(), Some(Step::Key(part)) if part == "providers");
        let source = self.sources.get(position.source).filter(|_| is_safe);
        let line = source.and_then(|source| line(&source.text, position.line));
        let width = position.line.to_string().len();
        if let Some(line) = line {
            let (shown, column) = window(line, position.column);
            let carets = position.length.min(shown.chars().count().saturating_sub(column - 1)).max(1);
            let _ = writeln!(text, "{:width$} |", "");
            let _ = writeln!(text, "{} | {shown}", position.line);
            let _ = writeln!(text, "{:width$} | {:indent$}{}", "", "", "^".repeat(carets), indent = column - 1);
        }
        if let Some(help) = &located.finding.help {
            let _ = writeln!(text, "{:width$} = help: {help}", "");
        }
        text
    }
}

/// Returns a line of a text. In YAML a carriage return alone ends a line, too.
fn line(text: &str, number: usize) -> Option<&str> {
    let lines = text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    lines.into_iter().nth(number.checked_sub(1)?)
}

/// Returns the part of a line around a column, and the column in it.
fn window(line: &str, column: usize) -> (String, usize) {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let column = column.max(1);
    let skipped = if column > MAX_SHOWN { column - MAX_SHOWN / 2 } else { 0 };
    let shown: String = line.chars().skip(skipped).take(MAX_SHOWN).map(printable).collect();
    (shown, column - skipped)
}
