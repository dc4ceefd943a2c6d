//! Test coverage of firewall rules.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::plan::{Case, Suite};
use crate::test_result::{TestResult, TestStatus};

/// Coverage of all policies of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Rules with their coverage, by the file that contains the policy.
    pub policies: BTreeMap<PathBuf, BTreeMap<String, Tested>>,
}

/// Kinds of tests that a rule has. Only passing tests count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tested {
    /// `true` if a test expects the rule to match, and it does.
    pub positive: bool,
    /// `true` if a test names the rule under `not_rules`. A test of other rules that does not mention this one does not
    /// count.
    pub negative: bool,
    /// Risks in the OWASP Top 10 for LLM applications that the rule is about, as tags: `owasp-llm-01`.
    pub tags: Vec<String>,
}

impl Coverage {
    /// Collects the coverage from test results.
    pub fn of<'a>(run: impl IntoIterator<Item = (&'a Suite, &'a Case, &'a TestResult)>) -> Coverage {
        let mut coverage = Coverage::default();
        for (suite, case, result) in run {
            let sources = suite.chain.filters.iter().filter_map(|filter| Some((&filter.source, filter.rules()?)));
            for (source, rules) in sources {
                let mut firewall = crate::firewall_rules::FirewallRules::default();
                firewall.extend(rules);
                if firewall.rules.is_empty() {
                    continue;
                }
                let rules = coverage.policies.entry(source.clone()).or_default();
                for rule in firewall.rules {
                    let tested = rules.entry(rule.id.clone()).or_default();
                    tested.tags = rule.tags;
                    if !matches!(result.status, TestStatus::Passed | TestStatus::PassedInPart(_)) {
                        continue;
                    }
                    for expect in case.exchanges().filter_map(|exchange| exchange.expect.as_ref()) {
                        let mut expected = expect.rules.iter().chain(&expect.rules_include).flatten();
                        tested.positive |= result.matched.contains(&rule.id) && expected.any(|id| *id == rule.id);
                        tested.negative |= expect.not_rules.contains(&rule.id);
                    }
                }
            }
        }
        coverage
    }

    /// Returns the number of rules with both kinds of tests, and of all rules.
    pub fn counts(&self) -> (usize, usize) {
        let all = || self.policies.values().flat_map(|rules| rules.values());
        (all().filter(|tested| tested.positive && tested.negative).count(), all().count())
    }

    /// Returns the percentage of rules with both kinds of tests, rounded down; 100 if there are no rules.
    pub fn percent(&self) -> usize {
        let (tested, all) = self.counts();
        (tested * 100).checked_div(all).unwrap_or(100)
    }

    /// Returns the tags of a rule.
    pub fn tags(&self, policy: &PathBuf, rule: &str) -> &[String] {
        let tested = self.policies.get(policy).and_then(|rules| rules.get(rule));
        tested.map(|tested| tested.tags.as_slice()).unwrap_or_default()
    }

    /// Returns the policy, the id and the missing kind of test for each rule that is not fully covered.
    pub fn gaps(&self) -> impl Iterator<Item = (&PathBuf, &str, &'static str)> {
        self.policies.iter().flat_map(|(policy, rules)| {
            rules.iter().filter_map(move |(id, tested)| {
                let gap = match (tested.positive, tested.negative) {
                    (true, true) => return None,
                    (true, false) => "no test expects it not to match (`not_rules`)",
                    (false, true) => "no test expects it to match (`rules`)",
                    (false, false) => "no tests",
                };
                Some((policy, id.as_str(), gap))
            })
        })
    }
}
