//! JSON Schemas of users' files, for editors. The generated files are checked in under `schema/`.

use crate::file::TestFile;

/// Returns the schema of `*.test.yaml` as it is checked in.
pub fn test_files() -> String {
    let schema = schemars::schema_for!(TestFile);
    format!("{:#}\n", schema.as_value())
}

/// Returns the schema of `tollgate.yaml` as it is checked in.
pub fn policy_files() -> String {
    let schema = schemars::schema_for!(tollgate_policy::Policy);
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    /// To update: `cargo xtask schemas --write`
    #[test]
    fn the_checked_in_schemas_are_current() {
        for (name, current) in [("test", super::test_files()), ("policy", super::policy_files())] {
            let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let checked_in = std::fs::read_to_string(path).unwrap();
            assert!(checked_in == current, "stale: tollgate schema {name} > cli/schema/{name}.schema.json");
        }
    }
}
