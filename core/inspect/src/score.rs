//! Scores: rules that add points, and thresholds of their sums.

use crate::error::Problem;
use crate::policy::{MAX_MESSAGE_BYTES, STATUS, in_range, not_longer};
use crate::raw::RuleMode;
use crate::rule::{Direction, RuleIndex, Severity};
use serde::Deserialize;

/// Thresholds of scores. A score is the sum of the points of the rules with `action: score` that match, each once: `critical` and
/// rules without a severity 5, `error` 4, `warning` 3, `notice` 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawScores {
    /// Score from which on a request is refused, 1 to 10000. Default: none.
    pub request: Option<u32>,
    /// Score from which on a request is refused, of the rules that match in results of tools, 1 to 10000. Default: none.
    pub tool_results: Option<u32>,
    /// Score from which on a response is refused, 1 to 10000. Default: none.
    pub response: Option<u32>,
    /// Effect of the thresholds: `enforce`, or `audit`, with which scores are reported only. Default: `enforce`.
    pub mode: RuleMode,
    /// HTTP status of the error response. 400 to 599, default 400.
    pub status: Option<u16>,
    /// Message of the error response. Default: says that the score is too high. At most 1024 bytes.
    pub message: Option<String>,
}

const THRESHOLD: (u32, u32) = (1, 10_000);
/// Message of the error response.
const MESSAGE: &str = "Refused by the gateway's policy: its score is too high.";

/// Validated thresholds that take effect.
#[derive(Debug)]
pub(crate) struct Thresholds {
    request: Option<u32>,
    tool_results: Option<u32>,
    response: Option<u32>,
    pub(crate) status: u16,
    pub(crate) message: Box<str>,
}

impl Thresholds {
    /// Validates thresholds. An error has the name of the field.
    pub(crate) fn new(raw: RawScores) -> Result<Thresholds, (&'static str, Problem)> {
        let RawScores { request, tool_results, response, mode, status, message } = raw;
        let check = |field, result: Result<(), Problem>| result.map_err(|problem| (field, problem));
        for (field, threshold) in [("request", request), ("tool_results", tool_results), ("response", response)] {
            threshold.map_or(Ok(()), |threshold| check(field, in_range(threshold, THRESHOLD)))?;
        }
        let status = status.unwrap_or(400);
        check("status", in_range(u32::from(status), STATUS))?;
        let message = message.unwrap_or_else(|| MESSAGE.to_owned());
        check("message", not_longer(&message, MAX_MESSAGE_BYTES))?;
        let effective = |threshold: Option<u32>| threshold.filter(|_| mode == RuleMode::Enforce);
        Ok(Thresholds {
            request: effective(request),
            tool_results: effective(tool_results),
            response: effective(response),
            status,
            message: message.into(),
        })
    }

    /// Returns `true` if a score can stop a text of a direction.
    pub(crate) fn has(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.request.is_some() || self.tool_results.is_some(),
            Direction::Response => self.response.is_some(),
        }
    }

    /// Returns `true` if a threshold of a direction is reached.
    pub(crate) fn are_reached(&self, direction: Direction, scores: &Scores) -> bool {
        let reaches = |threshold: Option<u32>, score: u32| threshold.is_some_and(|threshold| score >= threshold);
        match direction {
            Direction::Request => {
                reaches(self.request, scores.total()) || reaches(self.tool_results, scores.of_tool_results())
            }
            Direction::Response => reaches(self.response, scores.total()),
        }
    }
}

/// Points of the rules that matched in the texts of a direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scores {
    /// Rules that matched, ascending, each with its points, and `true` if it matched in the result of a tool.
    matched: Vec<(RuleIndex, u8, bool)>,
}

impl Scores {
    /// Returns the sum of the points of all rules that matched.
    pub fn total(&self) -> u32 {
        self.matched.iter().map(|(_, points, _)| u32::from(*points)).sum()
    }

    /// Returns the sum of the points of the rules that matched in results of tools.
    pub fn of_tool_results(&self) -> u32 {
        self.matched.iter().filter(|(.., in_result)| *in_result).map(|(_, points, _)| u32::from(*points)).sum()
    }

    /// Adds the match of a rule. The points of a rule count once.
    pub(crate) fn add(&mut self, rule: RuleIndex, points: u8, in_result: bool) {
        match self.matched.binary_search_by_key(&rule, |(own, ..)| *own) {
            Ok(at) => self.matched.get_mut(at).into_iter().for_each(|(.., own)| *own |= in_result),
            Err(at) => self.matched.insert(at, (rule, points, in_result)),
        }
    }

    /// Adds the matches in other texts of the same direction.
    pub(crate) fn merge(&mut self, other: Scores) {
        other.matched.into_iter().for_each(|(rule, points, in_result)| self.add(rule, points, in_result));
    }
}

/// Returns the points of a severity; a rule without one counts as critical.
#[must_use]
pub fn severity_points(severity: Option<Severity>) -> u8 {
    match severity {
        Some(Severity::Critical) | None => 5,
        Some(Severity::Error) => 4,
        Some(Severity::Warning) => 3,
        Some(Severity::Notice) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cause, Policy, StreamInspector, StreamVerdict, inspect_request, inspect_response};
    use std::convert::Infallible;
    use std::sync::Arc;
    use tollgate_llm::{Dialect, EventParser, FrameError, Framer, Framing, ParseLimits, Request, Response};

    /// Returns a policy of four rules with 5, 4, 3 and 2 points, and one that redacts.
    fn policy(scores: &str) -> Policy {
        let rule = |id: &str, severity: &str| {
            format!(
                r#"{{"id": "{id}", "match": {{"keywords": ["{id}"]}}, "action": "score", "severity": "{severity}"}}"#
            )
        };
        let rules = [("five", "critical"), ("four", "error"), ("three", "warning"), ("two", "notice")];
        let rules: Vec<String> = rules.iter().map(|(id, severity)| rule(id, severity)).collect();
        let json = format!(
            r#"{{"rules": [{}, {{"id": "x", "match": {{"regex": "x-[0-9]{{2}}"}}, "action": "redact"}}], "scores": {scores}}}"#,
            rules.join(",")
        );
        Policy::from_raw(serde_json::from_str(&json).unwrap()).unwrap()
    }

    #[test]
    fn the_points_of_a_request_are_added_once_a_rule() {
        for (scores, messages, total, of_results, is_blocked) in [
            ("{}", r#"{"role":"user","content":"five four"}"#, 9, 0, false),
            (r#"{"request": 5}"#, r#"{"role":"user","content":"two two two"}"#, 2, 0, false),
            (
                r#"{"request": 5}"#,
                r#"{"role":"user","content":"two"},{"role":"user","content":"three two"}"#,
                5,
                0,
                true,
            ),
            (
                r#"{"request": 6}"#,
                r#"{"role":"user","content":"two"},{"role":"user","content":"three two"}"#,
                5,
                0,
                false,
            ),
            (r#"{"request": 5, "mode": "audit"}"#, r#"{"role":"user","content":"five"}"#, 5, 0, false),
            (r#"{"tool_results": 4}"#, r#"{"role":"user","content":"five"}"#, 5, 0, false),
            (
                r#"{"tool_results": 4}"#,
                r#"{"role":"user","content":"three four"},{"role":"tool","tool_call_id":"c","content":"a four"}"#,
                7,
                4,
                true,
            ),
            (r#"{"response": 1}"#, r#"{"role":"user","content":"five"}"#, 5, 0, false),
            (r#"{"request": 5}"#, r#"{"role":"user","content":"two, x-12"}"#, 2, 0, false),
        ] {
            let policy = policy(scores);
            let body = format!(r#"{{"messages":[{messages}]}}"#);
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            let report = inspect_request(&policy, &view, body.as_bytes());
            assert_eq!(
                (report.scores.total(), report.scores.of_tool_results()),
                (total, of_results),
                "{scores} {body}"
            );
            assert_eq!(report.cause, is_blocked.then_some(Cause::Score), "{scores} {body}");
            let verdict = if is_blocked {
                "block"
            } else if body.contains("x-") {
                "redact"
            } else {
                "log"
            };
            assert_eq!(report.verdict_name(), verdict, "{scores} {body}");
        }
    }

    #[test]
    fn scores_of_later_parts_of_a_request_are_judged_together() {
        let policy = policy(r#"{"request": 7}"#);
        let part = |text: &str| crate::inspect_uneditable(&policy, text);
        let mut report = part("a four");
        report.add(part("a three"));
        assert_eq!(report.cause, None);
        report.judge(&policy, Direction::Request);
        assert_eq!((report.cause, report.scores.total()), (Some(Cause::Score), 7));
        assert_eq!(policy.refusal(Cause::Score).status, 400);
    }

    /// Returns the text that leaves a stream, whether it was blocked, and its score.
    fn stream(policy: Arc<Policy>, parts: &[&str]) -> (String, bool, u32) {
        let mut stream = StreamInspector::new(policy, Dialect::OpenAiChat);
        let (mut framer, mut parser) = (Framer::new(Framing::Sse, 1 << 20), EventParser::new(Dialect::OpenAiChat));
        let (mut sent, mut is_blocked) = (Vec::new(), false);
        for part in parts {
            let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{part}\"}}}}]}}\n\n");
            let fed: Result<(), FrameError<Infallible>> = framer.push(event.as_bytes(), |event| {
                is_blocked |= stream.event(&parser.parse(event), &mut sent) != StreamVerdict::Continue;
                Ok(())
            });
            fed.unwrap();
        }
        is_blocked |= stream.finish(&mut sent) != StreamVerdict::Continue;
        let sent = String::from_utf8(sent).unwrap();
        let text = sent.split("\"content\":\"").skip(1).filter_map(|part| part.split('"').next()).collect();
        (text, is_blocked, stream.report().scores.total())
    }

    #[test]
    fn a_stream_ends_in_front_of_the_match_that_reaches_the_threshold_however_it_is_split() {
        let text = "one two, x-12, two, then three and four.";
        for (scores, out, is_blocked, total) in [
            (r#"{"response": 5}"#, "one two, [x], two, then ", true, 5),
            (r#"{"response": 9}"#, "one two, [x], two, then three and ", true, 9),
            (r#"{"response": 10}"#, "one two, [x], two, then three and four.", false, 9),
            (r#"{"response": 5, "mode": "audit"}"#, "one two, [x], two, then three and four.", false, 9),
            (r#"{"request": 1}"#, "one two, [x], two, then three and four.", false, 9),
        ] {
            let policy = Arc::new(policy(scores));
            let expected = (out.to_owned(), is_blocked, total);
            for at in 0..=text.len() {
                let (first, second) = text.split_at(at);
                assert_eq!(stream(policy.clone(), &[first, second]), expected, "{scores} at {at}");
            }
            let single: Vec<&str> = text.split_inclusive(|_| true).collect();
            assert_eq!(stream(policy.clone(), &single), expected, "{scores}");
            let body = format!(r#"{{"choices":[{{"message":{{"role":"assistant","content":"{text}"}}}}]}}"#);
            let view = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            let report = inspect_response(&policy, &view, body.as_bytes());
            assert_eq!((report.cause.is_some(), report.scores.total()), (is_blocked, 9), "{scores}");
        }
    }

    #[test]
    fn arguments_of_a_streamed_tool_call_add_to_the_score_of_the_response() {
        let policy = Arc::new(policy(r#"{"response": 9}"#));
        for (arguments, is_blocked) in [("four", true), ("three", false)] {
            let mut inspector = StreamInspector::new(policy.clone(), Dialect::OpenAiChat);
            let (mut framer, mut parser) = (Framer::new(Framing::Sse, 1 << 20), EventParser::new(Dialect::OpenAiChat));
            let mut sent = Vec::new();
            let mut blocked = false;
            for delta in [
                r#"{"content":"five"}"#.to_owned(),
                r#"{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":"}}]}"#.to_owned(),
                format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":"\"{arguments}\"}}"}}}}]}}"#),
            ] {
                let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
                let fed: Result<(), FrameError<Infallible>> = framer.push(event.as_bytes(), |event| {
                    blocked |= inspector.event(&parser.parse(event), &mut sent) != StreamVerdict::Continue;
                    Ok(())
                });
                fed.unwrap();
            }
            blocked |= inspector.finish(&mut sent) != StreamVerdict::Continue;
            let text = String::from_utf8(sent).unwrap();
            assert_eq!((blocked, text.contains(arguments)), (is_blocked, !is_blocked), "{text}");
        }
    }

    #[test]
    fn thresholds_have_bounds() {
        for (json, field) in [
            (r#"{"request": 0}"#, "request"),
            (r#"{"response": 10001}"#, "response"),
            (r#"{"tool_results": 0}"#, "tool_results"),
            (r#"{"status": 200}"#, "status"),
        ] {
            let error = Thresholds::new(serde_json::from_str(json).unwrap()).map(|_| ()).unwrap_err();
            assert_eq!(error.0, field, "{json}");
        }
        assert!(serde_json::from_str::<RawScores>(r#"{"answer": 5}"#).is_err());
    }
}
