//! `unbounded-redaction`: a rule that redacts matches without an upper bound.

use tollgate_config::{Finding, Path};
use tollgate_inspect::{Action, longest_match};

use super::{Check, Code, warning};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = warning(
    "unbounded-redaction",
    "A rule that redacts and whose match may be longer than `max_match_bytes`; a longer match passes unredacted.",
);
pub(super) const CHECK: Check = Check { parts: &[], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let Some(firewall) = &policy.firewall else { return };
    let path = Path::part("firewall").key("rules");
    for (rule, index) in firewall.rules.iter().zip(findings.indices(&path, firewall.rules.len())) {
        let Some(regex) = rule.pattern.regex.as_deref().filter(|_| rule.effective_action() == Action::Redact) else {
            continue;
        };
        let message = match longest_match(regex, rule.pattern.unicode.unwrap_or(false)) {
            Ok(Some(longest)) if longest <= firewall.max_match_bytes as usize => continue,
            Ok(Some(longest)) => {
                format!("a match may have {longest} bytes, more than `max_match_bytes`, and passes then")
            }
            Ok(None) => "a match may be longer than `max_match_bytes`, and passes then unredacted".to_owned(),
            Err(_) => continue,
        };
        let place = path.index(index).key("match").key("regex");
        let finding = Finding::warning(CODE.code, place, message);
        findings.add(finding.with_help("write a bound such as `{1,64}` in place of `+` or `*`"));
    }
}
