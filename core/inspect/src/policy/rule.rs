//! Validates and compiles a rule.

use super::{MAX_MESSAGE_BYTES, STATUS, conditions, in_range, not_longer, pattern};
use crate::arguments;
use crate::caller::{Callers, RawCallers};
use crate::condition::allow::NamedLists;
use crate::error::{PatternError, Problem};
use crate::exception::{RawException, Restrictions};
use crate::guard::{self, RawGuard};
use crate::members;
use crate::overlap;
use crate::pattern::char_set::CharSetsBuilder;
use crate::pattern::compile;
use crate::pattern::folding::Form;
use crate::pattern::program::Program;
use crate::pattern::tail::Tail;
use crate::pattern::tool;
use crate::raw::{RawAction, RawPattern, RawRule, RuleMode};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::rule_scope::{RawScope, ScopeMessages};
use crate::score::Thresholds;
use crate::search::start_set::StartSet;
use crate::substitute::Substitute;
use crate::tag;
use crate::view::{View, ViewSet};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Maximum number of words for the start sets of a search: 1 MB. The largest known rule, for Kubernetes secrets, has 1,700 nodes and
/// needs 65 words for each if a match may have 4096 bytes.
const MAX_SET_WORDS: usize = 128 * 1024;
const MAX_ID_BYTES: usize = 64;
const MAX_REPLACEMENT_BYTES: usize = 256;

/// Field of a rule and its problem.
pub(super) struct FieldError(pub(super) Cow<'static, str>, pub(super) Problem);

/// Validates and compiles a rule.
///
/// # Errors
/// The first problem found.
pub(super) fn check(
    mut raw: RawRule,
    max_match_bytes: usize,
    lists: &NamedLists,
    sets: &mut CharSetsBuilder,
    thresholds: &Thresholds,
) -> Result<Rule, FieldError> {
    let names = members::expand(&mut raw).map_err(|(field, problem)| FieldError(field.into(), problem))?;
    let overlap = overlap::expand(&mut raw).map_err(|(field, problem)| FieldError(field.into(), problem))?;
    let arguments = arguments::expand(&mut raw).map_err(|(field, problem)| FieldError(field.into(), problem))?;
    let is_tool = tool::expand(&mut raw, max_match_bytes);
    let is_tool = is_tool.map_err(|(field, problem)| FieldError(field.into(), problem))?;
    let action = raw.effective_action();
    let directions = raw.applies_to.unwrap_or(vec![Direction::Request, Direction::Response]);
    if directions.is_empty() {
        return Err(FieldError("applies_to".into(), Problem::Empty));
    }
    let views = pattern::views(&raw.pattern, &directions)?;
    let searches = |own: ViewSet| !views.is_disjoint(own);
    let form = if views.has(View::Raw) {
        Form::Raw
    } else if searches(ViewSet::FOLDED) {
        Form::Folded
    } else {
        Form::Letters
    };
    let program = pattern::compile(&raw.pattern, form, sets)?;
    let folded = form == Form::Raw && searches(ViewSet::FOLDED) && !pattern::is_folded(&raw.pattern);
    let folded = folded.then(|| pattern::compile(&raw.pattern, Form::Folded, sets));
    let letters = form != Form::Letters && searches(ViewSet::LETTERS);
    let letters = letters.then(|| pattern::compile(&raw.pattern, Form::Letters, sets));
    let (folded, letters) = (folded.transpose()?, letters.transpose()?);
    let conditions = conditions::compile(&raw.pattern, max_match_bytes, lists)
        .map_err(|(field, problem)| FieldError(format!("match.{field}").into(), problem))?;
    let shortest = program.shortest();
    if shortest > max_match_bytes {
        let problem = PatternError::TooLong { shortest, max: max_match_bytes };
        return Err(FieldError("match".into(), problem.into()));
    }
    if let Some(longest) = program.longest().filter(|own| raw.pattern.canary.is_some() && *own > max_match_bytes) {
        return Err(FieldError("match.canary".into(), Problem::MatchBytesOfMarkers(longest)));
    }
    let may_be_long = program.longest().is_none_or(|longest| longest > max_match_bytes);
    let unicode = raw.pattern.unicode.unwrap_or(false);
    for (field, regex) in [("match.regex", &raw.pattern.regex), ("match.head", &raw.pattern.head)] {
        if let Some(regex) = regex.as_ref().filter(|_| may_be_long) {
            let checked = compile::check_length(regex, unicode, max_match_bytes);
            checked.map_err(|error| FieldError(field.into(), error.into()))?;
        }
    }
    let tail = raw.pattern.tail.as_deref().map(|tail| Tail::new(tail, unicode, max_match_bytes)).transpose();
    let tail = tail.map_err(|error| FieldError("match.tail".into(), error.into()))?;
    let programs = || [Some(&program), folded.as_ref(), letters.as_ref()].into_iter().flatten();
    let longest = programs().map(Program::longest).try_fold(0, |longest, own| Some(longest.max(own?)));
    let is_regex = names.is_none()
        && arguments.is_none()
        && !is_tool
        && (raw.pattern.regex.is_some() || raw.pattern.head.is_some());
    let is_unselective = |program: &Program| !program.has_rare_literal() && program.longest().is_none();
    let is_slow = is_regex && programs().any(is_unselective);
    let starts = StartSet::new(longest, max_match_bytes);
    let nodes = programs().map(Program::len).max().unwrap_or(0);
    let set_words = (nodes * starts.width()).max(tail.as_ref().map_or(0, Tail::set_words));
    if set_words > MAX_SET_WORDS {
        return Err(FieldError("match".into(), PatternError::TooLarge.into()));
    }
    if raw.scope.as_ref().and_then(|scope| scope.roles.as_ref()).is_some_and(|roles| roles.0.is_empty()) {
        return Err(FieldError("scope.roles".into(), Problem::Empty));
    }
    if raw.scope.as_ref().and_then(|scope| scope.parts.as_ref()).is_some_and(|parts| parts.0.is_empty()) {
        return Err(FieldError("scope.parts".into(), Problem::Empty));
    }
    if !raw.owasp.0.iter().all(|id| is_owasp_id(id)) {
        return Err(FieldError("owasp".into(), Problem::OwaspId));
    }
    let tags = tag::tags(&raw.tag).map_err(|problem| FieldError("tag".into(), problem))?;
    if raw.action == RawAction::Tag && tags.is_empty() {
        return Err(FieldError("tag".into(), Problem::Empty));
    }
    if !matches!(raw.action, RawAction::Redact | RawAction::Placeholder) && raw.replacement.is_some() {
        return Err(FieldError("replacement".into(), Problem::OnlyWith("`action: redact` or `placeholder`")));
    }
    if raw.restore && raw.action != RawAction::Placeholder {
        return Err(FieldError("restore".into(), Problem::OnlyWith("`action: placeholder`")));
    }
    if raw.restore && tail.is_some() {
        return Err(FieldError("restore".into(), Problem::RestoreOfTail));
    }
    if raw.restore && !directions.contains(&Direction::Request) {
        return Err(FieldError("restore".into(), Problem::RestoreOfResponses));
    }
    let is_limited =
        |scope: &RawScope| scope.roles.is_some() || scope.messages != ScopeMessages::All || scope.parts.is_some();
    if raw.restore && raw.scope.as_ref().is_some_and(is_limited) {
        return Err(FieldError("restore".into(), Problem::RestoreInScope));
    }
    let RawPattern { group, context, keywords, regex, .. } = &raw.pattern;
    if raw.restore && (group.is_some() || context.is_some() || keywords.is_some() && regex.is_some()) {
        return Err(FieldError("restore".into(), Problem::RestoreOfContext));
    }
    if raw.action != RawAction::Block && raw.status.is_some() {
        return Err(FieldError("status".into(), Problem::OnlyWith("`action: block`")));
    }
    if raw.action != RawAction::Block && raw.message.is_some() {
        return Err(FieldError("message".into(), Problem::OnlyWith("`action: block`")));
    }
    let status = raw.status.unwrap_or(400);
    in_range(u32::from(status), STATUS).map_err(|problem| FieldError("status".into(), problem))?;
    let replacement = raw.replacement.unwrap_or_else(|| format!("[{}]", raw.id));
    not_longer(&replacement, MAX_REPLACEMENT_BYTES).map_err(|problem| FieldError("replacement".into(), problem))?;
    let message = raw.message.unwrap_or_else(|| format!("Refused by rule {} of the gateway's policy.", raw.id));
    not_longer(&message, MAX_MESSAGE_BYTES).map_err(|problem| FieldError("message".into(), problem))?;
    Ok(Rule {
        id: raw.id.into(),
        description: raw.description.map(Into::into),
        severity: raw.severity,
        owasp: raw.owasp.0.into(),
        views: if names.is_some() || arguments.is_some() || overlap.is_some() { ViewSet::default() } else { views },
        program,
        folded,
        letters,
        conditions,
        tail,
        starts,
        request: directions.contains(&Direction::Request),
        response: directions.contains(&Direction::Response),
        action,
        may_block_requests: action == Action::Score && thresholds.has(Direction::Request),
        may_block_responses: action == Action::Score && thresholds.has(Direction::Response),
        is_slow,
        members: names,
        arguments: arguments.map(Box::new),
        overlap,
        is_tool,
        guard: None,
        scope: raw.scope,
        is_audit: raw.mode == RuleMode::Audit,
        tags,
        replacement: replacement.into(),
        restores: raw.restore,
        // A stream does not keep the text between head and tail.
        substitute: match raw.action {
            _ if raw.pattern.tail.is_some() => Substitute::Fixed,
            RawAction::Mask => Substitute::Mask,
            RawAction::Hash => Substitute::Hash,
            RawAction::Placeholder => Substitute::Placeholder,
            RawAction::Log | RawAction::Tag | RawAction::Score | RawAction::Redact | RawAction::Block => {
                Substitute::Fixed
            }
        },
        status,
        message: message.into(),
        matching_examples: raw.examples.matches.into(),
        non_matching_examples: raw.examples.no_match.into(),
    })
}

/// Returns `true` for ids such as `LLM01:2025`.
fn is_owasp_id(id: &str) -> bool {
    let parts = id.strip_prefix("LLM").and_then(|rest| rest.split_once(':'));
    let is_number = |text: &str, len: usize| text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(number, year)| is_number(number, 2) && is_number(year, 4))
}

/// Returns the rule of a guard, the `index`th of the policy, which `check` compiles. It searches no text of any direction.
pub(super) fn guarded(
    raw: &RawGuard,
    index: usize,
    ids: &mut BTreeSet<String>,
    restrictions: &mut Restrictions,
    check: impl FnOnce(RawRule) -> Result<Rule, FieldError>,
) -> Result<Rule, FieldError> {
    let guard = guard::check(raw).map_err(|(field, problem)| FieldError(field.into(), problem))?;
    check_id(&raw.rule_id(), ids).map_err(|problem| FieldError("name".into(), problem))?;
    let scope = raw.scope.clone().unwrap_or_default();
    if scope.tools.is_some() || scope.arguments.is_some() {
        return Err(FieldError("scope".into(), Problem::ScopeOfGuard));
    }
    restrict(restrictions, RuleIndex(index as u32), &scope, &raw.exceptions)?;
    let rule = check(raw.rule())?;
    Ok(Rule { guard: Some(Box::new(guard)), request: false, response: false, views: ViewSet::default(), ..rule })
}

/// Adds the calls that a rule applies to, by its scope, and those that it does not apply to.
pub(super) fn restrict(
    restrictions: &mut Restrictions,
    rule: RuleIndex,
    scope: &RawScope,
    exceptions: &[RawException],
) -> Result<(), FieldError> {
    let RawScope { consumers, teams, models, .. } = scope;
    let callers = Callers::new(RawCallers { consumers, teams, models, routes: &None });
    let callers = callers.map_err(|(field, problem)| FieldError(format!("scope.{field}").into(), problem))?;
    restrictions.add_scope(rule, callers);
    for (index, exception) in exceptions.iter().enumerate() {
        let error = |(field, problem)| FieldError(format!("exceptions[{index}].{field}").into(), problem);
        restrictions.add(rule, exception).map_err(error)?;
    }
    Ok(())
}

/// Checks that an id is valid and not among `ids`, to which it is added.
pub(super) fn check_id(id: &str, ids: &mut BTreeSet<String>) -> Result<String, Problem> {
    let valid = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    if id.is_empty() {
        return Err(Problem::Empty);
    }
    not_longer(id, MAX_ID_BYTES)?;
    if !id.bytes().all(valid) {
        return Err(Problem::InvalidId);
    }
    if !ids.insert(id.to_owned()) {
        return Err(Problem::DuplicateId);
    }
    Ok(id.to_owned())
}
