//! Packs of firewall rules on our own labelled texts, `tests/firewall`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod workspace;

use tollgate::inspection::Inspector;
use tollgate::inspection::corpus::{Counts, count, parse};
use tollgate::policy_file;
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_inspect::{Policy, RuleSet};
use tollgate_llm::{Dialect, Endpoint};

/// Packs, the least share of the texts in the pack's own corpus that its level 1 finds, and the largest share of honest texts:
/// code, logs, tables, addresses, timestamps, encoded data, prose.
const PACKS: [(&str, f64, f64); 8] = [
    ("secrets", 0.95, 0.0),
    // A number of an order has the form and check digit of an Aadhaar number by chance.
    ("pii", 0.9, 0.02),
    // Two of 64 texts ask about prompts or take back a message.
    ("injection", 0.8, 0.035),
    ("unicode", 0.95, 0.0),
    ("links", 0.95, 0.0),
    ("agent", 0.95, 0.0),
    ("leak", 0.95, 0.0),
    ("extraction", 0.95, 0.0),
];

fn policy(pack: &str) -> Policy {
    let scratch = Scratch::new("firewall-corpora").unwrap();
    let path = scratch.path().join("tollgate.yaml");
    std::fs::write(&path, format!("version: 1\nfirewall: {{packs: [{pack}]}}\n")).unwrap();
    let document = policy_file::load(&path, &mut Default::default()).unwrap();
    document.compile().unwrap_or_else(|found| panic!("{found:#?}")).firewall.unwrap()
}

/// Counts the texts of a corpus that a policy finds.
fn found(policy: &Policy, corpus: &str, direction: Option<tollgate_inspect::Direction>) -> Counts {
    let path = workspace::root().join(format!("tests/firewall/{corpus}.jsonl"));
    let samples = parse(&std::fs::read_to_string(path).unwrap(), &[]).unwrap();
    let inspector = Inspector {
        policy,
        excluded: &RuleSet::new(),
        direction,
        endpoint: &Endpoint::from(Dialect::OpenAiChat),
        show_text: false,
    };
    count(&inspector, &samples, false)
}

#[test]
fn packs_find_what_they_should_and_pass_honest_texts() {
    use tollgate_inspect::Direction::{Request, Response};
    for (pack, min_recall, max_false) in PACKS {
        let policy = policy(pack);
        let own = found(&policy, pack, None);
        assert!(own.positive.n >= 20, "{pack}: {} texts", own.positive.n);
        assert!(own.positive.share() >= min_recall, "{pack} misses {:?}", own.wrong);
        for direction in [Request, Response] {
            let honest = found(&policy, "negatives", Some(direction));
            assert!(honest.negative.n >= 50, "{} texts", honest.negative.n);
            assert!(honest.negative.share() <= max_false, "{pack} finds {:?}", honest.wrong);
        }
    }
}
