//! Validates and compiles the pattern of a rule.

use super::rule::FieldError;
use super::{conditions, in_range};
use crate::condition::list::OneOrMany;
use crate::error::{PatternError, Problem};
use crate::pattern::canary;
use crate::pattern::char_set::CharSetsBuilder;
use crate::pattern::codepoints;
use crate::pattern::compile::{self, Border};
use crate::pattern::folding::{self, Form};
use crate::pattern::group::GroupRef;
use crate::pattern::phrase;
use crate::pattern::program::Program;
use crate::raw::RawPattern;
use crate::rule::Direction;
use crate::view::{View, ViewSet};
use std::borrow::Cow;

/// Returns the views that a rule on `directions` searches.
pub(super) fn views(raw: &RawPattern, directions: &[Direction]) -> Result<ViewSet, FieldError> {
    let Some(OneOrMany(list)) = &raw.view else { return Ok(ViewSet::RAW) };
    let error = |problem| FieldError("match.view".into(), problem);
    if list.is_empty() {
        return Err(error(Problem::Empty));
    }
    let views: ViewSet = list.iter().copied().collect();
    if !views.has(View::Raw) && directions.contains(&Direction::Response) {
        return Err(error(Problem::ViewOfResponses));
    }
    Ok(views)
}

/// Returns `true` if the pattern of a rule is the same for folded texts.
pub(super) fn is_folded(raw: &RawPattern) -> bool {
    if let Some(phrase) = &raw.phrase {
        return phrase::expression(phrase, Form::Raw).is_ok_and(|expression| compile::is_folded(&expression, false));
    }
    match (&raw.regex, &raw.keywords) {
        (Some(regex), _) => compile::is_folded(regex, raw.unicode.unwrap_or(false)),
        (None, Some(keywords)) => keywords.iter().all(|own| folding::keyword(own, Form::Folded) == *own),
        (None, None) => true,
    }
}

/// Regular expression of a rule.
struct Expression<'r> {
    /// Field that it stems from.
    field: &'static str,
    regex: Cow<'r, str>,
    /// Groups that are reported.
    groups: Vec<GroupRef>,
}

/// Returns the regular expression of a rule; `None` for keywords alone.
fn expression(raw: &RawPattern) -> Result<Option<Expression<'_>>, FieldError> {
    let RawPattern { regex, head, tail, url, codepoints, .. } = raw;
    let error = |field: &'static str, problem| Err(FieldError(field.into(), problem));
    match (head, tail) {
        (Some(_), None) => return error("match.head", Problem::OnlyWith("`tail`")),
        (None, Some(_)) => return error("match.tail", Problem::OnlyWith("`head`")),
        _ => {}
    }
    let patterns = [regex.is_some(), head.is_some(), url.is_some(), codepoints.is_some()];
    let patterns = patterns.into_iter().filter(|is_present| *is_present).count();
    if patterns > 1 {
        return error("match", Problem::NeedsOnePattern);
    }
    if patterns == 1 && regex.is_none() && raw.group.is_some() {
        return error("match.group", Problem::OnlyWith("a regex"));
    }
    if patterns == 1 && regex.is_none() && raw.view.is_some() {
        return error("match.view", Problem::OnlyWith("a regex or keywords"));
    }
    if let Some(codepoints) = codepoints {
        if codepoints.classes.is_empty() {
            return error("match.codepoints.classes", Problem::Empty);
        }
        in_range(codepoints.min, codepoints::RANGE)
            .map_err(|problem| FieldError("match.codepoints.min".into(), problem))?;
        let regex = codepoints.regex().into();
        return Ok(Some(Expression { field: "match.codepoints", regex, groups: Vec::new() }));
    }
    if let Some(url) = url {
        if url.kinds.as_ref().is_some_and(|kinds| kinds.0.is_empty()) {
            return error("match.url.kinds", Problem::Empty);
        }
        let (regex, groups) = url.regex();
        return Ok(Some(Expression { field: "match.url", regex: regex.into(), groups }));
    }
    let groups = raw.group.as_ref().map_or(Vec::new(), |groups| groups.0.clone());
    let of = |field, regex: &'_ String| Expression { field, regex: Cow::Owned(regex.clone()), groups: groups.clone() };
    let regex = regex.as_ref().map(|regex| of("match.regex", regex));
    Ok(regex.or_else(|| head.as_ref().map(|head| of("match.head", head))))
}

/// Checks that a pattern other than a regex and keywords has none of their options.
fn without_options(raw: &RawPattern) -> Result<(), FieldError> {
    let only_with = |field: &str, what| Err(FieldError(format!("match.{field}").into(), Problem::OnlyWith(what)));
    match raw {
        RawPattern { group: Some(_), .. } => only_with("group", "a regex"),
        RawPattern { unicode: Some(_), .. } => only_with("unicode", "a regex or keywords"),
        RawPattern { ignore_case: Some(_), .. } => only_with("ignore_case", "keywords alone"),
        RawPattern { word: Some(_), .. } => only_with("word", "keywords alone"),
        _ => Ok(()),
    }
}

/// Compiles the pattern of a rule in a form.
pub(super) fn compile(raw: &RawPattern, form: Form, sets: &mut CharSetsBuilder) -> Result<Program, FieldError> {
    if raw.phrase.is_some() {
        return phrase(raw, form, sets);
    }
    if let Some(markers) = &raw.canary {
        return canary(raw, markers, sets);
    }
    let unicode = raw.unicode.unwrap_or(false);
    match (expression(raw)?, &raw.keywords) {
        (Some(Expression { field, regex, groups }), _) => {
            if raw.ignore_case.is_some() {
                return Err(FieldError(
                    "match.ignore_case".into(),
                    Problem::OnlyWith("keywords alone; in a regex, write `(?i)`"),
                ));
            }
            if raw.word.is_some() {
                return Err(FieldError(
                    "match.word".into(),
                    Problem::OnlyWith("keywords alone; in a regex, write `\\b`"),
                ));
            }
            compile::searched_regex(&regex, unicode, &groups, form, sets).map_err(|error| {
                let field = if error == PatternError::UnknownGroup { "match.group" } else { field };
                FieldError(field.into(), error.into())
            })
        }
        (None, Some(keywords)) => {
            let error = |problem| FieldError("match.keywords".into(), problem);
            if raw.group.is_some() {
                return Err(FieldError("match.group".into(), Problem::OnlyWith("a regex")));
            }
            conditions::words(keywords).map_err(error)?;
            let border = match (raw.word.unwrap_or(true) && form != Form::Letters, unicode) {
                (false, _) => Border::None,
                (true, false) => Border::Script,
                (true, true) => Border::Unicode,
            };
            let keywords: Vec<String> = keywords.iter().map(|keyword| folding::keyword(keyword, form)).collect();
            conditions::words(&keywords).map_err(error)?;
            compile::keywords(&keywords, raw.ignore_case.unwrap_or(true), border, sets)
                .map_err(|pattern_error| error(pattern_error.into()))
        }
        _ => Err(FieldError("match".into(), Problem::NeedsOnePattern)),
    }
}

/// Compiles the phrase of a rule in a form.
fn phrase(raw: &RawPattern, form: Form, sets: &mut CharSetsBuilder) -> Result<Program, FieldError> {
    let others = [&raw.regex, &raw.head, &raw.tail];
    let is_other = raw.keywords.is_some() || raw.url.is_some() || raw.codepoints.is_some() || raw.canary.is_some();
    if is_other || others.into_iter().any(Option::is_some) {
        return Err(FieldError("match".into(), Problem::NeedsOnePattern));
    }
    without_options(raw)?;
    let items = raw.phrase.as_deref().unwrap_or_default();
    let error = |(index, problem): (Option<usize>, Problem)| {
        let item = index.map(|index| format!("[{index}]")).unwrap_or_default();
        FieldError(format!("match.phrase{item}").into(), problem)
    };
    let expression = phrase::expression(items, form).map_err(error)?;
    // Between words of another script, ASCII finds no border.
    compile::searched_regex(&expression, !expression.is_ascii(), &[], form, sets)
        .map_err(|problem| FieldError("match.phrase".into(), problem.into()))
}

/// Compiles the markers of a rule.
fn canary(raw: &RawPattern, markers: &[String], sets: &mut CharSetsBuilder) -> Result<Program, FieldError> {
    let others = [&raw.regex, &raw.head, &raw.tail];
    if raw.url.is_some() || raw.codepoints.is_some() || others.into_iter().any(Option::is_some) {
        return Err(FieldError("match".into(), Problem::NeedsOnePattern));
    }
    without_options(raw)?;
    if raw.view.is_some() {
        let what = "other patterns: `canary` finds disguises in the text as it is";
        return Err(FieldError("match.view".into(), Problem::OnlyWith(what)));
    }
    let error = |problem| FieldError("match.canary".into(), problem);
    canary::check(markers).map_err(error)?;
    canary::compile(markers, sets).map_err(|problem| error(problem.into()))
}
