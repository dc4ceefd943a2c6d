//! Configuration of gitleaks, as far as it matters here. Unknown keys are ignored: versions of gitleaks add some.

use std::path::Path;

use serde::Deserialize;

use crate::problem::Problem;

/// Configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Global allow list of versions before 8.25.
    pub allowlist: Option<AllowList>,
    /// Global allow lists.
    pub allowlists: Vec<AllowList>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Configuration that this one extends.
    pub extend: Option<toml::Value>,
}

/// Rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rule {
    /// Id.
    pub id: String,
    /// Description.
    pub description: String,
    /// Regular expression in Go's syntax; absent in rules on paths.
    pub regex: Option<String>,
    /// Group that is the secret; 0 is the first one with text.
    pub secret_group: u32,
    /// Minimum entropy of the secret.
    pub entropy: f64,
    /// Words one of which the text must contain.
    pub keywords: Vec<String>,
    /// Regular expression on the path of the file.
    pub path: Option<String>,
    /// Allow list of versions before 8.21.
    pub allowlist: Option<AllowList>,
    /// Allow lists.
    pub allowlists: Vec<AllowList>,
    /// Rules that must match nearby, too.
    pub required: Vec<toml::Value>,
}

/// Allow list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AllowList {
    /// `OR` (default) or `AND`.
    pub condition: String,
    /// Commits.
    pub commits: Vec<String>,
    /// Regular expressions on the path of the file.
    pub paths: Vec<String>,
    /// Text that `regexes` apply to: `secret` (default), `match` or `line`.
    pub regex_target: String,
    /// Regular expressions.
    pub regexes: Vec<String>,
    /// Words that the secret must not contain.
    pub stopwords: Vec<String>,
    /// Rules that a global allow list applies to; empty: all.
    pub target_rules: Vec<String>,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// The text is not TOML, or a value has another type.
    pub fn parse(file: &Path, text: &str) -> Result<Config, Problem> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() as u64 + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() as u64 + 1;
            Problem { line, column, ..Problem::of(file, error.message().to_owned()) }
        })
    }
}
