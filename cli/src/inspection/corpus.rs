//! Labelled texts, and how many of them rules match.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Inspector;
use super::wilson;

/// Labels of texts that no rule should match; so are labels that begin with `no_`.
const NEGATIVE: &[&str] = &["benign", "safe", "negative", "false", "0"];

/// Labelled text.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Id, for reports.
    pub id: String,
    /// Text.
    pub text: String,
    /// `true` if a rule should match.
    pub is_positive: bool,
    /// Scope of the text.
    pub scope: Option<String>,
    /// Technique or category.
    pub technique: Option<String>,
    /// Rule that should match.
    pub rule: Option<String>,
}

/// Number of texts that rules match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Texts.
    pub n: usize,
    /// Texts with a match.
    pub hits: usize,
}

/// Result of a corpus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Texts that a rule should match.
    pub positive: Count,
    /// Texts that no rule should match.
    pub negative: Count,
    /// Positive and negative texts by technique.
    pub techniques: BTreeMap<String, (Count, Count)>,
    /// Ids of positive texts without and negative texts with a match.
    pub wrong: Vec<String>,
}

impl Count {
    fn add(&mut self, hit: bool) {
        self.n += 1;
        self.hits += usize::from(hit);
    }

    /// Returns the share of texts with a match; 0 if there are no texts.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.n == 0 { 0.0 } else { self.hits as f64 / self.n as f64 }
    }

    /// Returns the 95 % interval of the share.
    #[must_use]
    pub fn interval(&self) -> (f64, f64) {
        wilson::interval(self.hits, self.n)
    }
}

/// Reads a corpus in JSON lines. Lines without all of `filters`, names and values of members, are skipped.
///
/// # Errors
/// The number of the invalid line, from 1, and what is wrong with it.
pub fn parse(text: &str, filters: &[(String, String)]) -> Result<Vec<Sample>, (usize, String)> {
    let mut samples = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = super::parse(line).map_err(|message| (at + 1, message))?;
        let is_wanted = |(name, wanted): &(String, String)| value.get(name).map(plain).as_ref() == Some(wanted);
        if filters.iter().all(is_wanted) {
            samples.push(sample(&value, at + 1).ok_or((at + 1, "expected `text` and `label`".to_owned()))?);
        }
    }
    Ok(samples)
}

fn sample(value: &Value, line: usize) -> Option<Sample> {
    let member = |name: &str| value.get(name).map(plain);
    let label = member("label")?;
    Some(Sample {
        id: member("id").unwrap_or_else(|| format!("line {line}")),
        text: value.get("text")?.as_str()?.to_owned(),
        is_positive: !NEGATIVE.contains(&label.as_str()) && !label.starts_with("no_"),
        scope: member("scope"),
        technique: member("technique").or_else(|| member("category")),
        rule: member("rule"),
    })
}

/// Returns a string without quotes, and any other value as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Counts the texts that rules match. With `own_rule`, only matches of the rule that a sample names count.
#[must_use]
pub fn count(inspector: &Inspector<'_>, samples: &[Sample], own_rule: bool) -> Counts {
    let mut counts = Counts::default();
    for sample in samples {
        let report = inspector.report(sample.scope.as_deref(), &sample.text);
        let is_own = |id: &str| {
            let own = sample.rule.as_deref().filter(|_| own_rule);
            own.is_none_or(|own| id.strip_suffix(own).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.')))
        };
        let mut ids = report.rules.iter().filter_map(|rule| inspector.policy.rule(*rule)).map(|rule| rule.id());
        let hit = ids.any(is_own);
        let technique = sample.technique.as_ref().map(|name| counts.techniques.entry(name.clone()).or_default());
        let pick = |pair: &mut (Count, Count)| if sample.is_positive { pair.0.add(hit) } else { pair.1.add(hit) };
        technique.into_iter().for_each(pick);
        if sample.is_positive {
            counts.positive.add(hit)
        } else {
            counts.negative.add(hit)
        }
        if hit != sample.is_positive {
            counts.wrong.push(sample.id.clone());
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use tollgate_inspect::{Policy, RuleSet};
    use tollgate_llm::Endpoint;

    use super::*;

    const CORPUS: &str = r#"
{"id": "a", "text": "a heron", "label": "attack", "technique": "plain", "rule": "word"}
{"id": 2, "text": "a h-e-r-o-n", "label": "attack", "technique": "dashes", "verified": true}
{"text": "a swan", "label": "benign"}
{"id": "c", "text": "heron again", "label": "no_secret", "category": "plain", "rule": "other"}
"#;

    #[test]
    fn matches_are_counted_by_label_and_technique() {
        let rules = r#"{"rules": [{"id": "birds.word", "match": {"keywords": ["heron"]}, "action": "log"}]}"#;
        let policy = Policy::from_raw(serde_json::from_str(rules).unwrap()).unwrap();
        let endpoint = Endpoint::detect(b"POST", b"/v1/chat/completions").unwrap();
        let inspector = Inspector {
            policy: &policy,
            excluded: &RuleSet::new(),
            direction: None,
            endpoint: &endpoint,
            show_text: false,
        };
        let samples = parse(CORPUS, &[]).unwrap();
        let counts = count(&inspector, &samples, false);
        assert_eq!((counts.positive, counts.negative), (Count { n: 2, hits: 1 }, Count { n: 2, hits: 1 }));
        assert_eq!(counts.wrong, ["2", "c"]);
        assert_eq!(counts.techniques["plain"], (Count { n: 1, hits: 1 }, Count { n: 1, hits: 1 }));
        // The negative text names another rule.
        let own = count(&inspector, &samples, true);
        assert_eq!((own.positive.hits, own.negative.hits), (1, 0));
        let verified = parse(CORPUS, &[("verified".to_owned(), "true".to_owned())]).unwrap();
        assert_eq!(verified.len(), 1);
    }

    #[test]
    fn an_invalid_line_is_an_error_with_its_number() {
        for (text, line, words) in
            [("{}\n", 1, "`text` and `label`"), ("\n{", 2, "ends too early"), ("[]", 1, "`text`")]
        {
            let (at, message) = parse(text, &[]).unwrap_err();
            assert!(at == line && message.contains(words), "{text}: {at} {message}");
        }
    }
}
