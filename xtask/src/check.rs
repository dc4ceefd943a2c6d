//! The house rules that a compiler does not know: who may depend on whom, and that the core knows no host.

mod directions;
mod host_free;

use tollgate_testbed::{Error, Result};

/// `cargo xtask check`
pub(crate) fn run() -> Result<()> {
    let mut violations = directions::violations(&directions::Workspace::load()?);
    violations.extend(host_free::violations()?);
    if violations.is_empty() {
        println!("dependencies and core sources: as the design says");
        return Ok(());
    }
    let list: String = violations.iter().map(|violation| format!("\n  {violation}")).collect();
    Err(Error::new(format!("against the design (DESIGN.md, dependency directions):{list}")))
}
