//! What is being done, said when it begins.

use std::io::IsTerminal;

/// Says that a step begins.
pub(crate) fn step(what: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("\x1b[1;36m==>\x1b[0m \x1b[1m{what}\x1b[0m");
    } else {
        eprintln!("==> {what}");
    }
}

/// Says something about the step.
pub(crate) fn note(what: &str) {
    eprintln!("    {what}");
}
