//! JSON Schemas of the files that users write, for editors. Checked in under `schema/`.

use crate::file::TestFile;

/// The schema of `*.test.yaml`, as it is checked in.
pub fn test_files() -> String {
    let schema = schemars::schema_for!(TestFile);
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    /// After a change: `cargo run -p tollgate -- schema test > cli/schema/test.schema.json`
    #[test]
    fn the_schema_that_is_checked_in_is_that_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/test.schema.json");
        let checked_in = std::fs::read_to_string(path).unwrap();
        assert!(checked_in == super::test_files(), "stale: tollgate schema test > cli/schema/test.schema.json");
    }
}
