//! Rules.

use std::collections::BTreeSet;

use serde_json::json;
use tollgate_inspect::RawPolicy;

use crate::yaml::Node;

use super::super::{Options, rule_id, string, strings, trial};
use super::config::{Pattern, Recognizer};
use super::python_regex;

/// Smallest score of a match that counts without a word near it.
const CERTAIN: f64 = 0.5;
/// Smallest score of a rule with the severity `error`.
const ERROR: f64 = 0.8;

/// Entities of Presidio with a checksum or structure, and its name in a policy.
const VALIDATORS: [(&str, &str); 33] = [
    ("ABA_ROUTING_NUMBER", "aba"),
    ("AU_ABN", "au_abn"),
    ("AU_ACN", "au_acn"),
    ("AU_MEDICARE", "au_medicare"),
    ("AU_TFN", "au_tfn"),
    ("CA_SIN", "ca_sin"),
    ("CREDIT_CARD", "luhn"),
    ("DE_TAX_ID", "de_tax_id"),
    ("ES_NIE", "es_nie"),
    ("ES_NIF", "es_nif"),
    ("FI_PERSONAL_IDENTITY_CODE", "fi_personal_identity_code"),
    ("IBAN_CODE", "iban"),
    ("IN_AADHAAR", "in_aadhaar"),
    ("IN_GSTIN", "in_gstin"),
    ("IP_ADDRESS", "ip"),
    ("IT_FISCAL_CODE", "it_fiscal_code"),
    ("IT_VAT_CODE", "it_vat_code"),
    ("KR_BRN", "kr_brn"),
    ("KR_FRN", "kr_frn"),
    ("KR_RRN", "kr_rrn"),
    ("MEDICAL_LICENSE", "us_dea"),
    ("PL_PESEL", "pl_pesel"),
    ("SE_ORGANISATIONSNUMMER", "se_organisationsnummer"),
    ("SE_PERSONNUMMER", "se_personnummer"),
    ("SG_NRIC_FIN", "sg_nric"),
    ("TH_TNIN", "th_tnin"),
    ("TR_NATIONAL_ID", "tr_national_id"),
    ("UK_NHS", "uk_nhs"),
    ("UK_NINO", "uk_nino"),
    ("US_ITIN", "us_itin"),
    ("US_NPI", "us_npi"),
    ("US_SSN", "us_ssn"),
    ("VIN", "vin"),
];

/// Converts a recognizer to rules, one for each pattern and one for its words.
pub(super) fn convert(
    recognizer: &Recognizer,
    flags: u32,
    options: &Options,
    ids: &mut BTreeSet<String>,
    notes: &mut Vec<String>,
) -> Vec<Node> {
    if recognizer.enabled == Some(false) {
        notes.push("left out: it is not enabled".to_owned());
        return Vec::new();
    }
    if recognizer.is_predefined() {
        notes.push("left out: it is built into Presidio; the pack `pii` has rules for most of its entities".to_owned());
        return Vec::new();
    }
    let languages = recognizer.languages();
    if languages.iter().any(|language| *language != "en") {
        notes.push(format!("languages {}: left out, its rules apply to all", languages.join(", ")));
    }
    let flags = recognizer.global_regex_flags.unwrap_or(flags);
    let mut rules = Vec::new();
    for pattern in &recognizer.patterns {
        let name = if recognizer.patterns.len() > 1 { pattern.name.as_str() } else { "" };
        let (source, mut own) = (Source { recognizer, name, score: pattern.score }, Vec::new());
        let matching = matching(recognizer, pattern, flags, &mut own);
        match source.rule(matching, true, options, ids, &mut own) {
            Ok(rule) => rules.push(rule),
            Err(reason) => own.push(format!("left out: {reason}")),
        }
        notes.extend(own.into_iter().map(|note| format!("pattern `{}`: {note}", pattern.name)));
    }
    let words: Vec<String> = recognizer.deny_list.iter().filter(|word| !word.is_empty()).cloned().collect();
    if !words.is_empty() {
        let score = recognizer.deny_list_score.unwrap_or(1.0);
        let name = if recognizer.patterns.is_empty() { "" } else { "words" };
        let matching = vec![("keywords".to_owned(), strings(&words))];
        let mut own = Vec::new();
        match (Source { recognizer, name, score }).rule(matching, false, options, ids, &mut own) {
            Ok(rule) => rules.push(rule),
            Err(reason) => own.push(format!("left out: {reason}")),
        }
        notes.extend(own.into_iter().map(|note| format!("`deny_list`: {note}")));
    }
    rules
}

/// Returns the members of `match` of a pattern.
fn matching(recognizer: &Recognizer, pattern: &Pattern, flags: u32, notes: &mut Vec<String>) -> Vec<(String, Node)> {
    let converted = python_regex::convert(&pattern.regex, flags);
    let mut members = vec![("regex".to_owned(), string(&converted.regex))];
    for (member, class) in [("not_before", &converted.not_before), ("not_after", &converted.not_after)] {
        members.extend(class.as_ref().map(|class| (member.to_owned(), string(class))));
    }
    if let Some((_, validator)) = VALIDATORS.iter().find(|(entity, _)| *entity == recognizer.supported_entity) {
        notes.push(format!("`validate: {validator}`, as of the entity"));
        members.push(("validate".to_owned(), string(validator)));
    }
    members
}

/// Part of a recognizer that becomes a rule.
struct Source<'r> {
    recognizer: &'r Recognizer,
    /// Name beside that of the entity.
    name: &'r str,
    score: f64,
}

impl Source<'_> {
    /// Returns the rule. Words near a match count only where `has_context` is `true`.
    ///
    /// # Errors
    /// The reason why there is no such rule in a policy.
    fn rule(
        &self,
        mut matching: Vec<(String, Node)>,
        has_context: bool,
        options: &Options,
        ids: &mut BTreeSet<String>,
        notes: &mut Vec<String>,
    ) -> Result<Node, String> {
        let Source { recognizer, name, score } = self;
        let words = recognizer.context_words();
        let is_uncertain = *score < CERTAIN;
        let is_audit = is_uncertain && (words.is_empty() || !has_context);
        if is_audit {
            notes.push(format!("score {score} and no context: `mode: audit`, the rule only logs"));
        } else if is_uncertain {
            notes.push(format!("score {score}: a word of `context` must be in front of a match"));
            matching.push(("context".to_owned(), Node::Map(vec![("words".to_owned(), strings(&words))])));
        } else if !words.is_empty() && has_context {
            notes.push(format!("`context`: left out, the score {score} needs no word"));
        }
        let entity = recognizer.supported_entity.replace('_', "-");
        let own = if name.is_empty() { entity } else { format!("{entity}.{name}") };
        let id = rule_id::unique(&own, &options.prefix, ids);
        let severity = match *score {
            score if score >= ERROR => "error",
            score if score >= CERTAIN => "warning",
            _ => "notice",
        };
        let description = match name.is_empty() {
            true => recognizer.shown_name().to_owned(),
            false => format!("{}: {name}", recognizer.shown_name()),
        };
        let mut members = vec![
            ("id".to_owned(), string(&id)),
            ("description".to_owned(), string(&description)),
            ("severity".to_owned(), string(severity)),
            ("match".to_owned(), Node::Map(matching)),
            ("action".to_owned(), string(&options.action)),
        ];
        if is_audit {
            members.push(("mode".to_owned(), string("audit")));
        }
        let raw = RawPolicy { max_match_bytes: options.max_match_bytes, ..RawPolicy::default() };
        if trial::compile(&Node::Map(members.clone()), raw)? {
            notes.push("`slow: true`: its regex has neither a rare literal nor a maximum length".to_owned());
            members.push(("slow".to_owned(), Node::Scalar(json!(true))));
        }
        ids.insert(id);
        Ok(Node::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use tollgate_inspect::Validator;

    use super::*;

    #[test]
    fn every_validator_exists() {
        for (entity, validator) in VALIDATORS {
            assert!(serde_json::from_value::<Validator>(json!(validator)).is_ok(), "{entity}: {validator}");
        }
        assert!(VALIDATORS.is_sorted());
    }
}
