//! Inspection of bodies that are there as a whole: requests, and answers that are not streamed.

use crate::cuts::{Cut, Cuts, First};
use crate::pattern::program::Program;
use crate::policy::Policy;
use crate::report::{Cause, Finding, Report};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::search::matcher::{Match, Matcher};
use crate::search::screen::Programs;
use crate::search::view::View;
use std::borrow::Cow;
use std::ops::Range;
use tollgate_llm::{Channel, Edits, Overlap, Part, Request, Response, Span, Str, TextKind};

/// Edits that redactions of one body may need. Every one costs memory that the client would choose; the largest prompts
/// we know of, redacted by every rule of a pack, need some hundreds.
const MAX_EDITS: usize = 16 * 1024;

/// Inspects every text of a request, whoever's it is: system, user, assistant, tool results, tool calls, tool
/// definitions, names, and fields that the API does not know. Only base64 data (of images, sounds and files) is not
/// looked at; it is counted as unscanned.
///
/// Content that comes in several parts is inspected part by part and also joined, since that is how the model reads it:
/// a secret cut in two parts is found, and redacted in both.
pub fn inspect_request(policy: &Policy, request: &Request, body: &[u8]) -> Report {
    let mut inspection = Inspection::new(policy, Direction::Request, body);
    let mut parts = Vec::new();
    let mut message = None;
    for (index, text) in request.texts.iter().enumerate() {
        if text.message != message {
            inspection.parts(&parts);
            parts.clear();
            message = text.message;
        }
        match text.kind {
            TextKind::Content => parts.push((index, text.str)),
            TextKind::Data => inspection.report.unscanned += 1,
            TextKind::ImageUrl if is_base64(text.str, body) => inspection.report.unscanned += 1,
            _ => inspection.whole(&[(index, text.str)]),
        }
    }
    inspection.parts(&parts);
    inspection.report
}

/// Inspects every text of an answer that is not streamed: of every candidate the content, the refusal, the reasoning,
/// names and arguments of tool calls, transcripts and all other strings.
///
/// The pieces of one channel are one text, as in a stream. `logprobs` are not inspected: they say the content again, so
/// where a rule may redact or block they are taken out of the answer (`null`), matched or not.
pub fn inspect_response(policy: &Policy, response: &Response, body: &[u8]) -> Report {
    let mut inspection = Inspection::new(policy, Direction::Response, body);
    let mut order: Vec<usize> = (0..response.texts.len()).collect();
    let channel = |at: &usize| response.texts.get(*at).map(|text| text.channel);
    order.sort_by_key(channel);
    let mut rest = order.as_slice();
    while let Some(first) = rest.first().and_then(channel) {
        let len = if is_piecewise(first) { rest.partition_point(|at| channel(at) <= Some(first)) } else { 1 };
        let (pieces, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        let parts: Vec<(usize, Str)> = pieces
            .iter()
            .filter_map(|at| Some((*at, response.texts.get(*at)?.str)))
            .filter(|(_, str)| !within(&response.logprobs, str.span))
            .collect();
        inspection.whole(&parts);
        rest = after;
    }
    if policy.can_edit(Direction::Response) {
        inspection.edit(|edits| response.logprobs.iter().try_for_each(|span| edits.replace(*span, "null")));
    }
    inspection.report
}

/// Whether texts of this channel are pieces of one text. If not, each is a text by itself: names of tools come whole,
/// and what is in unknown places is not known to go together.
pub(crate) fn is_piecewise(channel: Channel) -> bool {
    !matches!(channel.part, Part::ToolName(_) | Part::Other)
}

/// Whether `span` lies in one of `outer`, which ascend and do not overlap.
pub(crate) fn within(outer: &[Span], span: Span) -> bool {
    let at = outer.partition_point(|outer| outer.end < span.end);
    outer.get(at).is_some_and(|outer| outer.start <= span.start)
}

/// Whether a URL holds its data itself, in base64.
fn is_base64(url: Str, body: &[u8]) -> bool {
    let url = url.decode(body);
    let (head, _) = url.split_once(',').unwrap_or((&url, ""));
    head.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) && head.ends_with(";base64")
}

/// A piece of a text: its index among the texts of the view, and where it stands.
type Piece = (usize, Str);

struct Inspection<'a> {
    policy: &'a Policy,
    direction: Direction,
    body: &'a [u8],
    /// The rules of the direction, and their programs.
    rules: Vec<(RuleIndex, &'a Rule)>,
    programs: Vec<&'a Program>,
    /// How far the exact search of a rule has come in the text, by its place among `rules`; none: to its beginning.
    done: Vec<(usize, u64)>,
    cuts: Cuts,
    report: Report,
}

impl<'a> Inspection<'a> {
    fn new(policy: &'a Policy, direction: Direction, body: &'a [u8]) -> Inspection<'a> {
        let rules: Vec<_> = policy.on(direction).collect();
        let programs = rules.iter().map(|(_, rule)| &rule.program).collect();
        let (done, cuts, report) = Default::default();
        Inspection { policy, direction, body, rules, programs, done, cuts, report }
    }

    /// Inspects pieces of one text as one text.
    fn whole(&mut self, pieces: &[Piece]) {
        let joined = Joined::new(pieces, self.body);
        self.search(&joined, 0..joined.text.len(), |_| true);
        self.redact(&joined);
    }

    /// Inspects parts that are texts by themselves and one text together.
    fn parts(&mut self, parts: &[Piece]) {
        let joined = Joined::new(parts, self.body);
        for piece in 0..parts.len() {
            self.search(&joined, joined.range(piece), |_| true);
        }
        if parts.len() > 1 {
            let crosses = |found: &Match| found.end > joined.range(joined.piece_at(found.start)).end as u64;
            self.search(&joined, 0..joined.text.len(), crosses);
        }
        self.redact(&joined);
    }

    /// Runs every rule over a range of the text and keeps the matches that `wanted` wants.
    fn search(&mut self, joined: &Joined<'_>, range: Range<usize>, wanted: impl Fn(&Match) -> bool) {
        let Some(text) = joined.text.get(range.clone()) else { return };
        let Inspection { policy, direction, rules, programs, done, cuts, report, .. } = self;
        let offset = range.start as u64;
        done.clear();
        policy.with_memory(|memory| {
            let (scratch, states) = memory.parts(*direction);
            // Matches that end at `end`, or before: an exact search from as far back as one of them can begin.
            let mut exact = |place: usize, end: usize, until: u64| {
                let Some((index, rule)) = rules.get(place) else { return };
                let at = match done.binary_search_by_key(&place, |(place, _)| *place) {
                    Ok(at) => at,
                    Err(at) => {
                        done.insert(at, (place, 0));
                        at
                    }
                };
                let Some((_, done)) = done.get_mut(at).filter(|(_, done)| *done < until) else { return };
                let reach =
                    rule.program.longest().map_or(policy.max_match_bytes(), |len| len.min(policy.max_match_bytes()));
                let from = text.floor_char_boundary(end.saturating_sub(reach));
                let mut matcher = Matcher::new((*done).max(from as u64));
                let target = rule.target(policy.classes());
                *done = matcher.read_until(until, &target, View::whole(text), true, scratch, |found| {
                    let found = Match { start: found.start + offset, end: found.end + offset, ..found };
                    if wanted(&found) {
                        found_in(report, cuts, joined, *index, rule.action(), &found);
                    }
                    true
                });
            };
            let programs = Programs { list: programs, classes: policy.classes() };
            let screen = policy.screen(*direction);
            if let Err(at) = screen.read(states, &programs, text, |place, end| exact(place, end, end as u64)) {
                (0..programs.list.len()).for_each(|place| exact(place, at, u64::MAX));
            }
        });
    }

    /// Makes edits of what the rules want replaced in the text.
    fn redact(&mut self, joined: &Joined<'_>) {
        let mut replacements: Vec<Vec<(Range<usize>, &'a str)>> = vec![Vec::new(); joined.pieces.len()];
        while let First::Closed(cut) = self.cuts.first(u64::MAX) {
            self.report.redactions += 1;
            let mut with = self.policy.rule(cut.rule).map_or("", |rule| rule.replacement());
            let (first, end) = (joined.piece_at(cut.start), cut.end as usize);
            let mut start = cut.start as usize;
            for (piece, replacements) in replacements.iter_mut().enumerate().skip(first) {
                if start >= end {
                    break;
                }
                let range = joined.range(piece);
                if start < range.end {
                    replacements.push((start - range.start..end.min(range.end) - range.start, with));
                    with = ""; // said once, in the first piece
                    start = range.end;
                }
            }
        }
        let body = self.body;
        self.edit(|edits| {
            let mut spans = Vec::new();
            for ((_, str), replacements) in joined.pieces.iter().zip(&replacements) {
                let ranges: Vec<Range<usize>> = replacements.iter().map(|(range, _)| range.clone()).collect();
                spans.clear();
                str.raw_many(body, &ranges, &mut spans);
                spans.iter().zip(replacements).try_for_each(|(span, (_, with))| edits.replace_text(*span, with))?;
            }
            Ok(())
        });
    }

    /// Adds edits unless nothing will be edited. More of them than may be, or ones that cannot be made, block.
    fn edit(&mut self, add: impl FnOnce(&mut Edits) -> Result<(), Overlap>) {
        if self.report.verdict == Some(Action::Block) {
            self.report.edits = Edits::new();
            return;
        }
        let done = add(&mut self.report.edits);
        if done.is_err() || self.report.edits.len() > MAX_EDITS {
            self.report.block(Cause::TooManyRedactions);
        }
    }
}

fn found_in(report: &mut Report, cuts: &mut Cuts, text: &Joined<'_>, rule: RuleIndex, action: Action, found: &Match) {
    report.matched(rule, action);
    match action {
        Action::Log => {}
        Action::Redact => cuts.add(Cut { start: found.start, end: found.end, rule }),
        Action::Block => match &mut report.cause {
            Some(Cause::Rule(first)) => *first = rule.min(*first),
            cause => *cause = Some(Cause::Rule(rule)),
        },
    }
    report.add_finding(text.finding(rule, action, found));
}

/// Pieces of a text and what they say together.
struct Joined<'a> {
    pieces: &'a [Piece],
    text: Cow<'a, str>,
    /// Where each piece ends in the text.
    ends: Vec<usize>,
}

impl<'a> Joined<'a> {
    fn new(pieces: &'a [Piece], body: &'a [u8]) -> Joined<'a> {
        let mut joined = Joined { pieces, text: Cow::Borrowed(""), ends: Vec::with_capacity(pieces.len()) };
        for (_, str) in pieces {
            let piece = str.decode(body);
            if joined.ends.is_empty() {
                joined.text = piece;
            } else {
                joined.text.to_mut().push_str(&piece);
            }
            joined.ends.push(joined.text.len());
        }
        joined
    }

    /// Where a piece stands in the text.
    fn range(&self, piece: usize) -> Range<usize> {
        let start = piece.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(piece).copied().unwrap_or(start)
    }

    /// The piece that the character at a position of the text stands in.
    fn piece_at(&self, position: u64) -> usize {
        self.ends.partition_point(|end| *end as u64 <= position)
    }

    fn finding(&self, rule: RuleIndex, action: Action, found: &Match) -> Finding {
        let piece = self.piece_at(found.start);
        let offset = self.range(piece).start;
        let text = self.pieces.get(piece).map_or(0, |(index, _)| *index);
        Finding { rule, action, text, range: found.start as usize - offset..found.end as usize - offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proving::{json, policies, policy, texts};
    use crate::report::MAX_FINDINGS;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tollgate_llm::{Dialect, Limits};

    const KEY: &str = r#"{"id":"key","match":{"regex":"\\bAKIA[0-9A-Z]{16}\\b"},"action":"block"}"#;
    const MAIL: &str = r#"{"id":"mail","match":{"regex":"[a-z]{1,64}@[a-z.]{1,64}"},"action":"redact"}"#;
    const WORD: &str = r#"{"id":"word","match":{"keywords":["project x"]},"action":"log","on":["request"]}"#;

    fn request(rules: &[&str], body: &str) -> (Report, String) {
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &Limits::default()).unwrap();
        let report = inspect_request(&policy(rules), &view, body.as_bytes());
        let edited = String::from_utf8(report.edits.apply(body.as_bytes())).unwrap();
        (report, edited)
    }

    fn response(rules: &[&str], body: &str) -> (Report, String) {
        let view = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &Limits::default()).unwrap();
        let report = inspect_response(&policy(rules), &view, body.as_bytes());
        let edited = String::from_utf8(report.edits.apply(body.as_bytes())).unwrap();
        (report, edited)
    }

    #[test]
    fn every_place_of_a_request_is_inspected() {
        for body in [
            r#"{"messages":[{"role":"system","content":"SECRET"}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"SECRET"}]}]}"#,
            r#"{"messages":[{"role":"tool","tool_call_id":"1","content":"SECRET"}]}"#,
            r#"{"messages":[{"role":"user","name":"SECRET","content":""}]}"#,
            r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":\"SECRET\"}"}}]}]}"#,
            r#"{"messages":[{"role":"assistant","refusal":"SECRET"}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/?k=SECRET"}}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:text/plain,SECRET"}}]}]}"#,
            r#"{"messages":[],"tools":[{"type":"function","function":{"name":"f","description":"SECRET"}}]}"#,
            r#"{"messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"SECRET":{}}}}}]}"#,
            r#"{"messages":[],"metadata":{"a":"SECRET"}}"#,
            r#"{"messages":[],"metadata":{"SECRET":"a"}}"#,
            r#"{"messages":[],"user":"SECRET"}"#,
            r#"{"messages":[],"no_such_field":[[{"a":["SECRET"]}]]}"#,
        ] {
            let body = body.replace("SECRET", "AKIAIOSFODNN7EXAMPLE");
            let (report, _) = request(&[MAIL, KEY], &body);
            assert_eq!(report.verdict, Some(Action::Block), "{body}");
            assert_eq!(report.cause, Some(Cause::Rule(RuleIndex(1))));
            let escaped = body.replace("AKIA", "\\u0041\\u004bIA");
            assert_eq!(request(&[MAIL, KEY], &escaped).0.verdict, Some(Action::Block), "{escaped}");
        }
    }

    #[test]
    fn redaction_edits_the_text_and_nothing_else() {
        let body = r#"{ "model" : "m","messages":[ {"role":"user","content":"caf\u00e9 \"bob@ex.org\" \/ \ud83d\ude00"} ], "n":1.0}"#;
        let (report, edited) = request(&[KEY, MAIL, WORD], body);
        assert_eq!(edited, body.replace("bob@ex.org", "[mail]"));
        assert_eq!((report.verdict, report.redactions, report.matches), (Some(Action::Redact), 1, 1));
        let finding = Finding { rule: RuleIndex(1), action: Action::Redact, text: 0, range: 7..17 };
        assert_eq!(report.findings, [finding]);
    }

    #[test]
    fn a_body_that_is_blocked_has_no_edits() {
        let body = r#"{"messages":[{"role":"user","content":"bob@ex.org"},{"role":"user","content":"project X AKIAIOSFODNN7EXAMPLE"},{"role":"user","content":"al@ex.org"}]}"#;
        let (report, edited) = request(&[KEY, MAIL, WORD], body);
        assert_eq!(edited, body);
        assert_eq!(report.verdict_name(), "block");
        assert_eq!(report.rules, [RuleIndex(0), RuleIndex(1), RuleIndex(2)]);
        assert_eq!(report.rule_names(&policy(&[KEY, MAIL, WORD])), "key,mail,word");
    }

    #[test]
    fn a_secret_cut_in_two_parts_is_found_and_redacted_in_both() {
        let body = |left: &str, right: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"{left}"}},{{"type":"image_url","image_url":{{"url":"https://x/y.png"}}}},{{"type":"text","text":"{right}"}}]}}]}}"#
            )
        };
        let cut = body("it is AKIAIOSF", "ODNN7EXAMPLE");
        assert_eq!(request(&[KEY], &cut).0.verdict, Some(Action::Block));
        let (report, edited) = request(&[MAIL], &body("ask bob@e", "x.org, al@ex.org"));
        assert_eq!(edited, body("ask [mail]", ", [mail]"));
        assert_eq!(report.findings[0].range, 4..9);
        // what is a word by itself in a part is one, whatever the next part begins with
        assert_eq!(request(&[KEY], &body("AKIAIOSFODNN7EXAMPLE", "S")).0.verdict, Some(Action::Block));
        // parts of two messages are not joined
        let body = r#"{"messages":[{"role":"user","content":"AKIAIOSF"},{"role":"user","content":"ODNN7EXAMPLE"}]}"#;
        assert_eq!(request(&[KEY], body).0.verdict, None);
    }

    #[test]
    fn base64_is_counted_and_not_inspected() {
        let body = r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AKIAIOSFODNN7EXAMPLE"}},{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}"#;
        let (report, _) = request(&[KEY], body);
        assert_eq!((report.verdict, report.unscanned), (None, 2));
    }

    #[test]
    fn every_text_of_an_answer_is_inspected() {
        for body in [
            r#"{"choices":[{"index":0,"message":{"content":"a"}},{"index":1,"message":{"content":"SECRET"}}]}"#,
            r#"{"choices":[{"message":{"content":[{"type":"text","text":"AKIAIOSF"},{"type":"text","text":"ODNN7EXAMPLE"}]}}]}"#,
            r#"{"choices":[{"message":{"reasoning_content":"SECRET"}}]}"#,
            r#"{"choices":[{"message":{"refusal":"SECRET"}}]}"#,
            r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":\"SECRET\"}"}}]}}]}"#,
            r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"SECRET","arguments":""}}]}}]}"#,
            r#"{"choices":[{"message":{"audio":{"transcript":"SECRET"}}}]}"#,
            r#"{"choices":[{"message":{"annotations":[{"url_citation":{"title":"SECRET"}}]}}]}"#,
            r#"{"error":{"message":"SECRET"}}"#,
        ] {
            let body = body.replace("SECRET", "AKIAIOSFODNN7EXAMPLE");
            assert_eq!(response(&[KEY], &body).0.verdict, Some(Action::Block), "{body}");
        }
        let body = r#"{"choices":[{"message":{"content":"project x"}}]}"#;
        assert_eq!(response(&[WORD], body).0.verdict, None, "the rule is on requests");
    }

    #[test]
    fn logprobs_leave_where_a_rule_may_edit() {
        let body =
            |logprobs: &str| format!(r#"{{"choices":[{{"logprobs":{logprobs},"message":{{"content":"hi"}}}}]}}"#);
        let said = r#"{"content":[{"token":"hi","bytes":[104,105],"top_logprobs":[]}]}"#;
        let (report, edited) = response(&[MAIL], &body(said));
        assert_eq!((report.verdict, edited), (None, body("null")));
        let log = MAIL.replace("redact", "log");
        assert_eq!(response(&[&log], &body(said)).1, body(said));
    }

    #[test]
    fn more_redactions_than_a_body_may_have_do_not_pass() {
        let one = r#"{"id":"a","match":{"regex":"a"},"action":"redact","replacement":"b"}"#;
        let body = |len: usize| format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, "a".repeat(len));
        let (report, edited) = request(&[one], &body(MAX_EDITS));
        assert_eq!((report.verdict, edited.len()), (Some(Action::Redact), body(MAX_EDITS).len()));
        let (report, _) = request(&[one], &body(MAX_EDITS + 1));
        assert_eq!((report.verdict, report.cause), (Some(Action::Block), Some(Cause::TooManyRedactions)));
        assert_eq!(report.findings.len(), MAX_FINDINGS);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        /// With a screen that has states for everything, for little, or for nothing (then it is exact searches alone).
        #[test]
        fn the_screen_hides_no_match(
            policy in policies(&["block", "redact", "log"]),
            text in texts(0..300),
            credit in 0u32..3000,
            max_bytes in 0usize..6000,
        ) {
            let body = format!(r#"{{"messages":[{{"content":{}}}]}}"#, json(&text, false));
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &Limits::default()).unwrap();
            let mut seen = None;
            for (credit, max_bytes) in [(u32::MAX, 1 << 20), (0, 0), (credit, 1 << 20), (u32::MAX, max_bytes), (credit, max_bytes)] {
                policy.with_memory(|memory| {
                    let (_, states) = memory.parts(Direction::Request);
                    *states = Default::default();
                    states.credit = credit;
                    states.max_bytes = max_bytes;
                });
                // Twice: with the states that the first inspection left.
                for _ in 0..2 {
                    let report = inspect_request(&policy, &view, body.as_bytes());
                    let edited = report.edits.apply(body.as_bytes());
                    let now = (report.verdict, report.cause, report.rules, report.matches, report.findings, edited);
                    prop_assert_eq!(&now, seen.get_or_insert_with(|| now.clone()));
                }
            }
        }

        /// Parts are redacted at least where each would be by itself, and nothing a rule matches in them is left.
        #[test]
        fn redacting_parts_is_redacting_each_and_what_joins_them(
            policy in policies(&["redact"]),
            parts in vec(texts(0..8), 1..4),
            escape: bool,
        ) {
            let parts_json: Vec<String> =
                parts.iter().map(|text| format!(r#"{{"type":"text","text":{}}}"#, json(text, escape))).collect();
            let body = format!(r#"{{"messages":[{{"role":"user","content":[{}]}}]}}"#, parts_json.join(","));
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &Limits::default()).unwrap();
            let report = inspect_request(&policy, &view, body.as_bytes());
            let edited = report.edits.apply(body.as_bytes());
            let after = Request::parse(Dialect::OpenAiChat, &edited, &Limits::default()).unwrap();
            prop_assert_eq!(after.texts.len(), parts.len());
            for (index, text) in view.texts.iter().enumerate() {
                let alone = format!(r#"{{"messages":[{{"content":{}}}]}}"#, json(&text.str.decode(body.as_bytes()), false));
                let alone_view = Request::parse(Dialect::OpenAiChat, alone.as_bytes(), &Limits::default()).unwrap();
                let alone_report = inspect_request(&policy, &alone_view, alone.as_bytes());
                if parts.len() == 1 {
                    let alone_edited = alone_report.edits.apply(alone.as_bytes());
                    let alone_after = Request::parse(Dialect::OpenAiChat, &alone_edited, &Limits::default()).unwrap();
                    prop_assert_eq!(
                        alone_after.texts[0].str.decode(&alone_edited),
                        after.texts[index].str.decode(&edited)
                    );
                }
                prop_assert!(alone_report.rules.iter().all(|rule| report.rules.contains(rule)));
            }
        }
    }
}
