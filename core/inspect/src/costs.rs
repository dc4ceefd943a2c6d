//! Estimated cost of each rule, for `tollgate check --costs`.

use crate::policy::Policy;
use crate::rule::Rule;
use crate::search::matcher::Matcher;
use crate::search::scratch::{Scratch, Target};
use crate::search::window::Window;
use crate::view::{View, ViewSet};

/// Average text, in which rules without literals are searched for: prose, source code, a table and JSON.
const SAMPLE: &str = "Thank you for your mail of 12 March. We have looked at the order (no. 4711-88) and will send it again by Friday; please \
     write to service@example.com if anything is missing. The invoice of 1,249.50 EUR stays as it is.\n\
     fn total(items: &[Item]) -> u64 {\n    items.iter().filter(|item| item.count > 0).map(|item| item.price * item.count).sum()\n}\n\
     | name | size | date |\n|---|--:|---|\n| report.pdf | 48213 | 2024-11-05 |\n\
     {\"id\": \"c1f0a9\", \"user\": {\"name\": \"Ada\", \"roles\": [\"admin\", \"dev\"]}, \"active\": true, \"score\": 0.75}\n";

/// Estimated cost of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleCost<'p> {
    /// Id of the rule.
    pub id: &'p str,
    /// Literals at which searches begin in complete texts, in lower case; empty without any.
    pub literals: Vec<&'p [u8]>,
    /// Length of the longest match in bytes; `None` if there is no bound but `max_match_bytes`.
    pub longest: Option<usize>,
    /// Largest distance in bytes from the start of a match to its last literal: the text that is read again in front of one.
    /// `None` if there is no bound, or no literal.
    pub lead: Option<usize>,
    /// Nodes of the patterns of all views: states that a search can be in.
    pub nodes: usize,
    /// Nodes visited per byte of an average text: estimated from the frequency of the literals or, without any, counted in a
    /// sample of 700 bytes. Conditions are not included.
    pub per_byte: f64,
}

impl Policy {
    /// Returns the estimated cost of each rule that searches texts, the highest first.
    pub fn costs(&self) -> Vec<RuleCost<'_>> {
        let searched = self.rules().iter().filter(|rule| rule.searches_texts());
        let mut costs: Vec<RuleCost<'_>> = searched.map(|rule| self.cost(rule)).collect();
        costs.sort_by(|one, other| other.per_byte.total_cmp(&one.per_byte));
        costs
    }

    fn cost<'p>(&self, rule: &'p Rule) -> RuleCost<'p> {
        let per_view = rule.programs().map(|(program, views)| match program.chains() {
            [] => self.sampled(rule, views),
            chains => chains.iter().map(|chain| chain.cost()).sum(),
        });
        let leads = || rule.programs().flat_map(|(program, _)| program.chains()).map(|chain| chain.lead);
        RuleCost {
            id: rule.id(),
            literals: rule.literals(),
            longest: rule.program.longest(),
            lead: leads().try_fold(None, |most: Option<usize>, lead| Some(most.max(Some(lead?)))).flatten(),
            nodes: rule.programs().map(|(program, _)| program.len()).sum(),
            // The views of most texts are the same as the text, and not searched.
            per_byte: per_view.fold(0.0, f64::max),
        }
    }

    /// Returns the nodes per byte that a search for a rule visits in the sample, without its conditions.
    fn sampled(&self, rule: &Rule, views: ViewSet) -> f64 {
        let view = View::ALL.into_iter().find(|view| views.has(*view)).unwrap_or(View::Raw);
        let mut scratch = Scratch::default();
        let target = Target { conditions: None, ..rule.target(view, self.sets()) };
        Matcher::new(0).read(&target, Window::whole(SAMPLE), &mut scratch, |_| true);
        scratch.meter.used() as f64 / SAMPLE.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &str) -> Policy {
        Policy::from_raw(serde_json::from_str(&format!(r#"{{"rules": [{rules}]}}"#)).unwrap()).unwrap()
    }

    #[test]
    fn rules_with_rare_literals_cost_less() {
        let policy = policy(
            r#"{"id": "rare", "match": {"regex": "\\b(?:AKIA|ASIA)[0-9A-Z]{16}\\b"}, "action": "log"},
               {"id": "frequent", "match": {"regex": "the [a-z]{1,9} of"}, "action": "log"},
               {"id": "words", "match": {"regex": "[a-z]+ [a-z]+ [a-z]+"}, "action": "log"},
               {"id": "names", "match": {"tool": {"deny": ["f"]}}, "action": "log"},
               {"id": "arguments", "match": {"regex": "[a-z]+"}, "scope": {"tools": "f"}, "action": "log"},
               {"id": "digits", "match": {"regex": "\\b[0-9]{9}\\b"}, "action": "log"}"#,
        );
        let costs = policy.costs();
        let ids: Vec<&str> = costs.iter().map(|cost| cost.id).collect();
        assert_eq!((ids[0], ids.len()), ("words", 4), "{costs:?}");
        let of = |id: &str| costs.iter().find(|cost| cost.id == id).unwrap();
        let (rare, frequent) = (of("rare"), of("frequent"));
        assert!(rare.per_byte < frequent.per_byte && frequent.per_byte < of("words").per_byte, "{costs:?}");
        assert_eq!(rare.literals, [b"akia", b"asia"]);
        assert_eq!((rare.longest, rare.lead, rare.nodes > 16), (Some(20), Some(0), true));
        assert_eq!((of("words").longest, of("words").lead), (None, None));
    }

    #[test]
    fn rules_without_literals_and_with_unbounded_classes_are_slow() {
        for (pattern, is_slow) in [
            (r#"{"regex": "[a-z]+[0-9]"}"#, true),
            (r#"{"regex": "[a-z]{1,64}[0-9]"}"#, false),
            (r#"{"regex": "[a-z]+ [a-z]+"}"#, true),
            (r#"{"regex": "key=[a-z]+"}"#, false),
            (r#"{"regex": "\\w+@\\w+"}"#, false),
            (r#"{"head": "[0-9]{3,}", "tail": "x"}"#, true),
            (r#"{"keywords": ["a"]}"#, false),
            (r#"{"tool": {"deny": ["f*"]}}"#, false),
            (r#"{"codepoints": {"classes": ["tag"]}}"#, false),
        ] {
            let policy = policy(&format!(r#"{{"id": "a", "match": {pattern}, "action": "log"}}"#));
            assert_eq!(policy.rules()[0].is_slow(), is_slow, "{pattern}");
        }
    }
}
