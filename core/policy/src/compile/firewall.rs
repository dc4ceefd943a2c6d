//! Compiles the part `firewall`.

use tollgate_config::{Finding, Path, Step};
use tollgate_inspect::{
    OnUnscannable as Unscannable, OneOrMany, Policy as Rules, Problem, RawException, RawPolicy, RawRule,
};
use tollgate_llm::{OnUnscannable, StreamLimits};

use crate::checks::SLOW_RULE;
use crate::compile::{Findings, in_document};
use crate::firewall::RawFirewall;
use crate::identity::{Identity, Source};
use crate::paranoia::MAX_PARANOIA;
use crate::references::{RawReferences, ReferenceRules};

/// Maximum number of reported rules: each one compiles the rest again.
const MAX_REPORTED: usize = 50;

pub(super) fn compile(raw: RawFirewall, limits: &StreamLimits, findings: &mut Findings) -> Option<Rules> {
    let RawFirewall {
        mut rules,
        packs,
        paranoia,
        mut guards,
        mut max_match_bytes,
        on_uneditable,
        allow_lists,
        owasp,
        mut exceptions,
        mut scores,
        ..
    } = raw;
    rules.iter_mut().filter(|rule| rule.owasp.0.is_empty()).for_each(|rule| rule.owasp = owasp.clone());
    // With `refuse`, an unreadable event ends a stream only if a rule on responses blocks or redacts.
    let on_unscannable = match limits.on_unscannable {
        OnUnscannable::Refuse => None,
        OnUnscannable::Pass => Some(Unscannable::Pass),
    };
    let path = Path::part("firewall");
    if !packs.is_empty() {
        let help = "`tollgate render` writes one document with the rules of all packs";
        findings.add(Finding::error("include", path.key("packs"), "a filter reads no packs").with_help(help));
    }
    if paranoia.is_some_and(|levels| !levels.is_valid()) {
        let message = format!("expected a level from 1 to {MAX_PARANOIA}, and `block` not above `detect`");
        findings.invalid(path.key("paranoia"), message);
    }
    let mut indices = findings.indices(&path.key("rules"), rules.len());
    let mut guard_indices = findings.indices(&path.key("guards"), guards.len());
    let mut exception_indices = findings.indices(&path.key("exceptions"), exceptions.len());
    let mut removed: Vec<RawRule> = Vec::new();
    for _ in 0..MAX_REPORTED {
        if rules.is_empty() && guards.is_empty() {
            return None;
        }
        let raw = RawPolicy {
            rules: rules.clone(),
            max_match_bytes,
            on_unscannable,
            on_uneditable,
            allow_lists: allow_lists.clone(),
            exceptions: exceptions.clone(),
            scores: scores.clone(),
            guards: guards.clone(),
        };
        let error = match Rules::from_raw(raw) {
            Ok(policy) => {
                slow(&rules, &policy, &indices, findings);
                return Some(policy);
            }
            Err(error) => error,
        };
        let local = path.join(&error.path);
        let is_exception = error.path.starts_with("exceptions");
        let is_guard = error.path.starts_with("guards");
        let of_list = match (is_exception, is_guard) {
            (true, _) => &exception_indices,
            (_, true) => &guard_indices,
            _ => &indices,
        };
        let follows = matches!(error.problem, Problem::UnknownRule | Problem::UnknownTag)
            && exceptions.iter().enumerate().any(|(index, exception)| {
                local.0.get(2) == Some(&Step::Index(index)) && removed.iter().any(|rule| names(exception, rule))
            });
        if !follows {
            findings.invalid(in_document(local.clone(), 2, of_list), error.problem.to_string());
        }
        match local.0.get(2) {
            Some(Step::Index(index)) if is_exception && *index < exceptions.len() => {
                exceptions.remove(*index);
                exception_indices.remove(*index);
            }
            Some(Step::Index(index)) if is_guard && *index < guards.len() => {
                guards.remove(*index);
                guard_indices.remove(*index);
            }
            Some(Step::Index(index)) if !is_exception && !is_guard && *index < rules.len() => {
                removed.push(rules.remove(*index));
                indices.remove(*index);
            }
            _ if error.path.starts_with("scores") => scores = None,
            _ if error.path == "max_match_bytes" => max_match_bytes = RawPolicy::default_max_match_bytes(),
            _ => return None,
        }
    }
    None
}

/// Reports rules that are slow and do not say so.
fn slow(raw: &[RawRule], policy: &Rules, indices: &[usize], findings: &mut Findings) {
    let rules = raw.iter().zip(policy.rules()).enumerate();
    for (index, (raw, _)) in rules.filter(|(_, (raw, rule))| rule.is_slow() && !raw.slow) {
        let member = if raw.pattern.head.is_some() { "head" } else { "regex" };
        let path = Path::part("firewall").key("rules").index(index).key("match").key(member);
        let message =
            "its matches have neither a literal that is rare nor a maximum length, so that every text is searched";
        let help = "bound each repetition, as in `[a-z]{1,64}`, or add a word that every match contains; else say `slow: true`";
        let finding = Finding::error(SLOW_RULE.code, in_document(path, 2, indices), message);
        findings.add(finding.with_help(help));
    }
}

/// Returns `true` if an exception names a rule by its id or by a tag.
fn names(exception: &RawException, rule: &RawRule) -> bool {
    let has_id = |id: &String| match id.strip_suffix('*') {
        Some(start) => rule.id.starts_with(start),
        None => rule.id == *id,
    };
    let has_tag = |tag: &String| rule.tag.iter().any(|(name, value)| tag.split_once('=') == Some((name, value)));
    let is_any = |list: &Option<OneOrMany<String>>, is: &dyn Fn(&String) -> bool| {
        list.as_ref().is_some_and(|list| list.0.iter().any(is))
    };
    is_any(&exception.rules, &has_id) || is_any(&exception.tags, &has_tag)
}

/// Validates the policy for references.
pub(super) fn references(raw: RawReferences, findings: &mut Findings) -> ReferenceRules {
    match ReferenceRules::new(raw) {
        Ok(rules) => rules,
        Err((list, index)) => {
            let path = Path::part("firewall").key("references").key(list).index(index);
            findings.invalid(path, "expected a host, such as `images.example.com` or `*.example.com`");
            ReferenceRules::default()
        }
    }
}

/// Validates the header with the tags.
pub(super) fn tag_header(raw: Option<&str>, identity: Option<&Identity>, findings: &mut Findings) -> Option<String> {
    let path = Path::part("firewall").key("tag_header");
    match tollgate_inspect::tag_header(raw?) {
        Ok(header) => {
            let own = Source::Header(header);
            let is_of = |source: Option<&Source>| source == Some(&own);
            if is_of(identity.map(|identity| &identity.consumer)) {
                findings.invalid(path, "the consumer's name is in this header");
            } else if is_of(identity.and_then(|identity| identity.team.as_ref())) {
                findings.invalid(path, "the team's name is in this header");
            } else if let Source::Header(header) = own {
                return Some(header);
            }
            None
        }
        Err(problem) => {
            findings.invalid(path, problem.to_string());
            None
        }
    }
}
