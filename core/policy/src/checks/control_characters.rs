//! `control-character`: a backspace in place of a word boundary.

use tollgate_config::{Finding, Path};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = error(
    "control-character",
    "A control character in a pattern: in YAML double quotes `\\b` is a backspace, so the rule can never match.",
);
pub(super) const CHECK: Check = Check { parts: &[], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let Some(firewall) = &policy.firewall else { return };
    let path = Path::part("firewall").key("rules");
    for (rule, index) in firewall.rules.iter().zip(findings.indices(&path, firewall.rules.len())) {
        let pattern = path.index(index).key("match");
        let mut check = |text: &str, place: Path| {
            let Some(c) = text.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) else { return };
            let message =
                format!("the pattern has the control character U+{:04X}, so it matches no text", u32::from(c));
            let escape = match c {
                '\u{8}' => "\\b",
                '\u{7}' => "\\a",
                '\u{b}' => "\\v",
                '\u{c}' => "\\f",
                '\u{1b}' => "\\e",
                _ => "\\0 or \\x",
            };
            let help =
                format!("in double quotes YAML reads `{escape}` as this character: write the pattern in single quotes");
            findings.add(Finding::error(CODE.code, place, message).with_help(help));
        };
        if let Some(regex) = &rule.pattern.regex {
            check(regex, pattern.key("regex"));
        }
        for (at, keyword) in rule.pattern.keywords.iter().flatten().enumerate() {
            check(keyword, pattern.key("keywords").index(at));
        }
    }
}
