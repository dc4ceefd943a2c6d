//! Which firewall rules have tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::plan::{Case, Suite};
use crate::test_result::{TestResult, TestStatus};

/// The rules of one policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By the file that the policy stands in.
    pub policies: BTreeMap<PathBuf, BTreeMap<String, Tested>>,
}

/// Whether a rule has tests of both kinds. Only tests that pass count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tested {
    /// In one it matches, and is expected to.
    pub positive: bool,
    /// In one it does not match, and is named under `not_rules`: a test of another rule says nothing about this one.
    pub negative: bool,
}

impl Coverage {
    /// What tests say about the rules of their policies.
    pub fn of<'a>(run: impl IntoIterator<Item = (&'a Suite, &'a Case, &'a TestResult)>) -> Coverage {
        let mut coverage = Coverage::default();
        for (suite, case, result) in run {
            let sources = suite.chain.filters.iter().map(|filter| (&filter.source, &filter.configuration));
            for (source, configuration) in sources {
                let mut firewall = crate::firewall_rules::FirewallRules::default();
                firewall.extend(configuration);
                if firewall.rules.is_empty() {
                    continue;
                }
                let rules = coverage.policies.entry(source.clone()).or_default();
                for rule in firewall.rules {
                    let tested = rules.entry(rule.id.clone()).or_default();
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

    /// Rules with tests of both kinds, and all rules.
    pub fn counts(&self) -> (usize, usize) {
        let all = || self.policies.values().flat_map(|rules| rules.values());
        (all().filter(|tested| tested.positive && tested.negative).count(), all().count())
    }

    /// Per cent of the rules that have tests of both kinds, rounded down; 100 if there are no rules.
    pub fn percent(&self) -> usize {
        let (tested, all) = self.counts();
        (tested * 100).checked_div(all).unwrap_or(100)
    }

    /// A line for each rule that lacks tests: its policy, its id, and what is missing.
    pub fn gaps(&self) -> impl Iterator<Item = (&PathBuf, &str, &'static str)> {
        self.policies.iter().flat_map(|(policy, rules)| {
            rules.iter().filter_map(move |(id, tested)| {
                let gap = match (tested.positive, tested.negative) {
                    (true, true) => return None,
                    (true, false) => "no test that it does not match (`not_rules`)",
                    (false, true) => "no test that it matches (`rules`)",
                    (false, false) => "no test at all",
                };
                Some((policy, id.as_str(), gap))
            })
        })
    }
}
