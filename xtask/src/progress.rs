//! Progress messages on standard error.

use std::io::IsTerminal;

/// Announces a step.
pub(crate) fn step(what: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("\x1b[1;36m==>\x1b[0m \x1b[1m{what}\x1b[0m");
    } else {
        eprintln!("==> {what}");
    }
}

/// Prints a detail of the current step.
pub(crate) fn note(what: &str) {
    eprintln!("    {what}");
}
