//! JSON Schemas of users' files, for editors. The generated files are checked in under `schema/`.

use crate::file::TestFile;

/// Returns the schema of `*.test.yaml` as it is checked in.
pub fn test_files() -> String {
    let schema = schemars::schema_for!(TestFile);
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    /// To update: `cargo run -p tollgate -- schema test > cli/schema/test.schema.json`
    #[test]
    fn the_checked_in_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/test.schema.json");
        let checked_in = std::fs::read_to_string(path).unwrap();
        assert!(checked_in == super::test_files(), "stale: tollgate schema test > cli/schema/test.schema.json");
    }
}
