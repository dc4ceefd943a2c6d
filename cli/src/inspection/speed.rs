//! Time and work that rules take on the texts of a corpus.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use tollgate_inspect::Rule;

use super::Inspector;
use super::corpus::Sample;

/// Number of passes behind the first one, the fastest of which counts.
const WARM_PASSES: usize = 3;

/// Time and work that rules take on the texts of a corpus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speed {
    /// Size of all texts.
    pub bytes: u64,
    /// Time of the first pass, in which searches build their tables.
    pub first_pass: Duration,
    /// Time of the fastest of the later passes.
    pub later_pass: Duration,
    /// Time in which the crate aho-corasick finds the literals of all rules, in the fastest pass; `None` without literals.
    pub aho_corasick: Option<Duration>,
    /// Nodes visited in the first pass.
    pub work: u64,
    /// Id of the text that takes the most nodes per byte, and this number.
    pub worst: Option<(String, f64)>,
}

impl Speed {
    /// Returns the speed of the first pass in MB/s; `None` if there is no text.
    #[must_use]
    pub fn cold(&self) -> Option<f64> {
        self.mb_per_s(self.first_pass)
    }

    /// Returns the speed of the fastest of the later passes in MB/s; `None` if there is no text.
    #[must_use]
    pub fn warm(&self) -> Option<f64> {
        self.mb_per_s(self.later_pass)
    }

    /// Returns the time of the fastest pass as a multiple of that of aho-corasick.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let other = self.aho_corasick.filter(|_| self.bytes > 0)?;
        Some(self.later_pass.as_secs_f64() / seconds(other))
    }

    /// Returns the nodes visited per byte of text; `None` if there is no text.
    #[must_use]
    pub fn nodes_per_byte(&self) -> Option<f64> {
        (self.bytes > 0).then(|| self.work as f64 / self.bytes as f64)
    }

    fn mb_per_s(&self, time: Duration) -> Option<f64> {
        (self.bytes > 0).then(|| self.bytes as f64 / 1e6 / seconds(time))
    }
}

/// Measures the rules on the texts of a corpus, in several passes.
#[must_use]
pub fn measure(inspector: &Inspector<'_>, samples: &[Sample]) -> Speed {
    let mut speed = Speed { bytes: samples.iter().map(|sample| sample.text.len() as u64).sum(), ..Speed::default() };
    let begin = Instant::now();
    let works: Vec<u64> = samples.iter().map(|sample| work(inspector, sample)).collect();
    speed.first_pass = begin.elapsed();
    speed.work = works.iter().sum();
    let texts = samples.iter().zip(works).filter(|(sample, _)| !sample.text.is_empty());
    let per_byte = texts.map(|(sample, work)| (&sample.id, work as f64 / sample.text.len() as f64));
    let worst = per_byte.max_by(|(_, own), (_, other)| own.total_cmp(other));
    speed.worst = worst.map(|(id, worst)| (id.clone(), worst));
    speed.later_pass = fastest(|| samples.iter().map(|sample| work(inspector, sample)).sum());
    let literals: BTreeSet<&[u8]> = inspector.policy.rules().iter().flat_map(Rule::literals).collect();
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&literals);
    speed.aho_corasick = automaton.ok().filter(|_| !literals.is_empty()).map(|automaton| {
        fastest(|| samples.iter().map(|sample| automaton.find_iter(&sample.text).count() as u64).sum())
    });
    speed
}

/// Inspects a text and returns the nodes visited.
fn work(inspector: &Inspector<'_>, sample: &Sample) -> u64 {
    inspector.report(sample.scope.as_deref(), &sample.text).work
}

/// Returns the time of the fastest of several passes.
fn fastest(pass: impl Fn() -> u64) -> Duration {
    let times = (0..WARM_PASSES).map(|_| {
        let begin = Instant::now();
        black_box(pass());
        begin.elapsed()
    });
    times.min().unwrap_or_default()
}

/// Returns a time in seconds, at least that of a tick of a clock.
fn seconds(time: Duration) -> f64 {
    time.max(Duration::from_nanos(1)).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use tollgate_inspect::{Policy, RuleSet};
    use tollgate_llm::{Dialect, Endpoint};

    use super::*;
    use crate::inspection::corpus::parse;

    fn measured(rules: &str, corpus: &str) -> Speed {
        let policy = Policy::from_raw(serde_json::from_str(&format!(r#"{{"rules": [{rules}]}}"#)).unwrap()).unwrap();
        let endpoint = Endpoint::from(Dialect::OpenAiChat);
        let inspector = Inspector {
            policy: &policy,
            excluded: &RuleSet::new(),
            direction: None,
            endpoint: &endpoint,
            show_text: false,
        };
        measure(&inspector, &parse(corpus, &[]).unwrap())
    }

    #[test]
    fn the_worst_text_is_the_one_with_the_most_work_per_byte() {
        let corpus = r#"
            {"id": "rare", "text": "a heron, and a lot of text without one that is searched for", "label": "attack"}
            {"id": "dense", "text": "heron heron heron", "label": "attack"}
            {"id": "none", "text": "a swan", "label": "benign"}
            {"id": "empty", "text": "", "label": "benign"}"#;
        let speed = measured(r#"{"id": "a", "match": {"keywords": ["heron"]}, "action": "log"}"#, corpus);
        let (worst, per_byte) = speed.worst.clone().unwrap();
        assert_eq!((speed.bytes, worst.as_str()), (82, "dense"));
        assert!(per_byte > speed.nodes_per_byte().unwrap(), "{speed:?}");
        assert!(speed.cold().is_some() && speed.warm().is_some() && speed.ratio().is_some(), "{speed:?}");
    }

    #[test]
    fn a_corpus_without_texts_and_rules_without_literals_have_no_numbers() {
        let keyword = r#"{"id": "a", "match": {"keywords": ["heron"]}, "action": "log"}"#;
        let empty = measured(keyword, "");
        let numbers = (empty.cold(), empty.warm(), empty.ratio(), empty.nodes_per_byte(), empty.worst);
        assert_eq!(numbers, (None, None, None, None, None));
        let digits = r#"{"id": "a", "match": {"regex": "\\b[0-9]{9}\\b"}, "action": "log"}"#;
        let without = measured(digits, r#"{"text": "123456789", "label": "attack"}"#);
        assert!(without.ratio().is_none() && without.warm().is_some(), "{without:?}");
    }
}
