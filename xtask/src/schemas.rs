//! JSON Schemas and pages that are generated from types and checked in.

use std::fs;

use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace as workspace;

use crate::{cargo, progress};

/// Argument of `tollgate schema`, and the file that holds its output.
const SCHEMAS: &[(&str, &str)] = &[
    ("test", "cli/schema/test.schema.json"),
    ("policy", "cli/schema/policy.schema.json"),
    ("policy-page", "docs/policy.md"),
];

/// Runs `cargo xtask schemas [--write]`: compares the files with the types, or writes them.
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    let write = match flags {
        [] => false,
        ["--write"] => true,
        _ => return Err(Error::new(format!("schemas takes --write, not `{}`", flags.join(" ")))),
    };
    progress::step(if write { "writing the schemas" } else { "comparing the schemas with the types" });
    let mut stale = Vec::new();
    for (name, file) in SCHEMAS {
        let current = cargo::output(&["run", "--quiet", "--package", "tollgate", "--", "schema", name])?;
        let path = workspace::root().join(file);
        if write {
            fs::write(&path, current).context(|| format!("cannot write {}", path.display()))?;
        } else if fs::read(&path).context(|| format!("cannot read {}", path.display()))? != current {
            stale.push(*file);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("stale: {} (run `cargo xtask schemas --write`)", stale.join(", "))))
}
