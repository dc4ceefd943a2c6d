//! Recognizers, as far as they matter here. Unknown keys are ignored: versions of Presidio add some.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::problem::Problem;

/// Flags of regular expressions without others: DOTALL, MULTILINE and IGNORECASE.
const DEFAULT_FLAGS: u32 = 26;

/// Recognizers of a file.
#[derive(Clone, Debug)]
pub struct Config {
    /// Flags of all regular expressions, as in Python.
    pub flags: u32,
    /// Recognizers.
    pub recognizers: Vec<Recognizer>,
}

/// Recognizer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Recognizer {
    /// Name.
    pub name: String,
    /// `predefined` for one that is built into Presidio, else `custom`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `false` if it is not used.
    pub enabled: Option<bool>,
    /// Entity that it recognizes.
    pub supported_entity: String,
    /// Language of texts.
    pub supported_language: Option<String>,
    /// Languages of texts, each a string or a map with `language` and `context`.
    pub supported_languages: Vec<Value>,
    /// Regular expressions.
    pub patterns: Vec<Pattern>,
    /// Words near a match that raise its score.
    pub context: Vec<String>,
    /// Words that are matches.
    pub deny_list: Vec<String>,
    /// Score of matches of `deny_list`.
    pub deny_list_score: Option<f64>,
    /// Flags of the regular expressions, as in Python.
    pub global_regex_flags: Option<u32>,
}

/// Regular expression of a recognizer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pattern {
    /// Name.
    pub name: String,
    /// Regular expression in Python's syntax.
    pub regex: String,
    /// Confidence in a match, 0 to 1.
    pub score: f64,
}

/// Keys of a map that has a list of recognizers.
const LISTS: [&str; 2] = ["recognizers", "ad_hoc_recognizers"];

impl Config {
    /// Reads recognizers.
    ///
    /// # Errors
    /// The text is neither YAML nor JSON, has no recognizers, or a value has another type.
    pub fn parse(file: &Path, text: &str) -> Result<Config, Problem> {
        let options = serde_saphyr::options! { with_snippet: false };
        let value: Value =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| Problem::of_yaml(file, &error))?;
        let fail = |message: String| Problem::of(file, message);
        let flags = value.get("global_regex_flags").and_then(Value::as_u64).and_then(|flags| u32::try_from(flags).ok());
        let list = LISTS.iter().find_map(|key| value.get(*key)).unwrap_or(&value);
        let single = [list.clone()];
        let list = match list {
            Value::Array(list) => list.as_slice(),
            Value::Object(members) if members.contains_key("supported_entity") => &single,
            _ => return Err(fail("expected `recognizers`, `ad_hoc_recognizers` or a recognizer".to_owned())),
        };
        let recognizer = |(at, value): (usize, &Value)| match value {
            // The name of a recognizer that is built in.
            Value::String(name) => Ok(Recognizer { name: name.clone(), ..Recognizer::default() }),
            value => Recognizer::deserialize(value).map_err(|error| fail(format!("recognizer {}: {error}", at + 1))),
        };
        let recognizers = list.iter().enumerate().map(recognizer).collect::<Result<_, _>>()?;
        Ok(Config { flags: flags.unwrap_or(DEFAULT_FLAGS), recognizers })
    }
}

impl Recognizer {
    /// Returns the name, or the entity if it has none.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        if self.name.is_empty() { &self.supported_entity } else { &self.name }
    }

    /// Returns `true` if the recognizer is built into Presidio: the file has nothing of it but its name.
    #[must_use]
    pub fn is_predefined(&self) -> bool {
        self.kind.as_deref() == Some("predefined") || (self.patterns.is_empty() && self.deny_list.is_empty())
    }

    /// Returns the languages.
    #[must_use]
    pub fn languages(&self) -> Vec<&str> {
        let several =
            self.supported_languages.iter().filter_map(|value| value.get("language").unwrap_or(value).as_str());
        self.supported_language.as_deref().into_iter().chain(several).collect()
    }

    /// Returns the words near a match, of all languages.
    #[must_use]
    pub fn context_words(&self) -> Vec<String> {
        let of_languages = self.supported_languages.iter().filter_map(|value| value.get("context")?.as_array());
        let of_languages = of_languages.flatten().filter_map(Value::as_str);
        let all = self.context.iter().map(String::as_str).chain(of_languages).filter(|word| !word.is_empty());
        all.map(str::to_owned).collect()
    }
}
