//! Files that the command generates and that are checked in: JSON Schemas and pages from types, and the reference bootstrap.

use std::fs;

use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace as workspace;

use crate::{cargo, progress};

/// Arguments of `tollgate`, and the file that holds its output.
const GENERATED: &[(&[&str], &str)] = &[
    (&["schema", "test"], "cli/schema/test.schema.json"),
    (&["schema", "policy"], "cli/schema/policy.schema.json"),
    (&["schema", "policy-page"], "docs/policy.md"),
    (&["schema", "paths-page"], "docs/paths.md"),
    (&["render", "--target", "envoy", "examples/gateway/tollgate.yaml"], "envoy/envoy.yaml"),
];

/// Runs `cargo xtask schemas [--write]`: compares the files with the output of the command, or writes them.
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    let write = match flags {
        [] => false,
        ["--write"] => true,
        _ => return Err(Error::new(format!("schemas takes --write, not `{}`", flags.join(" ")))),
    };
    progress::step(if write { "writing the generated files" } else { "comparing the generated files" });
    let mut stale = Vec::new();
    for (arguments, file) in GENERATED {
        let current = cargo::output(&[&["run", "--quiet", "--package", "tollgate", "--"], *arguments].concat())?;
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
