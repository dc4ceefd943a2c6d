//! House rules that the compiler does not know: dependency directions, the form of doc comments and of commit subjects.

mod directions;
mod prose;
mod subjects;

use tollgate_envoy_harness::{Error, Result};

use crate::progress;

/// Runs `cargo xtask check`.
pub(crate) fn run() -> Result<()> {
    let mut violations = directions::violations(&directions::Workspace::load()?);
    match subjects::too_long() {
        Ok(subjects) => violations.extend(subjects),
        Err(reason) => progress::note(&format!("commit subjects are not checked: {reason}")),
    }
    violations.extend(prose::violations()?);
    if violations.is_empty() {
        println!("no violation of the dependency directions and house rules");
        return Ok(());
    }
    let list: String = violations.iter().map(|violation| format!("\n  {violation}")).collect();
    Err(Error::new(format!("violations of the house rules (docs/architecture.md, CONTRIBUTING.md):{list}")))
}
