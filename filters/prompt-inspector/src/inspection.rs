//! The exchange of prompt-inspector: rules are applied to a request, then to its response.

use std::rc::Rc;
use std::sync::Arc;

use tollgate_inspect::{
    Cause, Direction, OnBlockInStream, PlaceholderValues, Report, RequestFacts, RuleSet, StreamInspector,
    StreamVerdict, inspect_guarded, inspect_request_without, inspect_response_without, inspect_uneditable_without,
};
use tollgate_kit::{
    BodyMode, Call, Callout, CalloutError, CalloutResponse, Exchange, LocalReply, OnUnscannable, Response,
    ResponseHead, StreamAction, StreamEnd, TextAction, Verdict, property,
};
use tollgate_llm::{Dialect, Edits, ParsedEvent};

use crate::guards::Questions;
use crate::{PromptInspector, refusal};

/// The empty set.
static NO_RULES: RuleSet = RuleSet::new();

/// Inspection of one call.
pub struct Inspection {
    filter: Rc<PromptInspector>,
    dialect: Option<Dialect>,
    /// Rules that do not apply to the call. `None`: not yet known.
    excluded: Option<RuleSet>,
    request: Report,
    /// Values of the placeholders of the request, which are restored in the response.
    values: Arc<PlaceholderValues>,
    /// Facts about the request that its response is compared with.
    facts: Arc<RequestFacts>,
    response: Option<Report>,
    stream: Option<StreamInspector>,
    /// Inspector of lines beside the events of a stream.
    other_lines: Option<StreamInspector>,
    /// `true` once the metrics have the findings in the request.
    is_request_counted: bool,
    /// `true` if a prompt given as token ids was not decoded completely.
    has_unread_tokens: bool,
    /// Questions to guards that are not answered.
    questions: Questions,
}

impl Exchange for Inspection {
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
        self.dialect = Some(call.view().dialect);
        self.excluded.get_or_insert_with(|| self.filter.excluded_by_own_names(call));
        self.request = self.inspect(call).unwrap_or_default();
        self.take_values();
        match self.request.cause {
            // A refused call has no `on_log`, so everything is published here.
            Some(cause) => {
                self.publish();
                Verdict::Reply(Box::new(refusal::of_request(&self.filter.config.policy, cause)))
            }
            None if self.has_unread_tokens && self.filter.config.limits.on_unscannable == OnUnscannable::Refuse => {
                self.publish();
                Verdict::Reply(Box::new(refusal::token_ids()))
            }
            None => {
                publish_verdict(&self.request);
                self.collect_facts(call);
                if let Err(verdict) = self.ask(call) {
                    return verdict;
                }
                self.set_tags(call)
            }
        }
    }

    fn callouts(&mut self) -> Option<Vec<Callout>> {
        self.questions.take_callouts()
    }

    fn on_callouts(&mut self, call: &mut Call<'_>, responses: Vec<Result<CalloutResponse, CalloutError>>) -> Verdict {
        call.continue_edited(|call| self.on_guards(call, responses))
    }

    fn on_late_form_fields(&mut self, call: &mut Call<'_>) -> Verdict {
        let Some(report) = self.inspect(call) else { return Verdict::Continue };
        self.request.add(report);
        self.take_values();
        self.request.judge(&self.filter.config.policy, Direction::Request);
        let cause = self.request.cause;
        publish_verdict(&self.request);
        match cause {
            Some(cause) => Verdict::Reply(Box::new(refusal::of_request(&self.filter.config.policy, cause))),
            None => Verdict::Continue,
        }
    }

    fn reads_response(&self) -> bool {
        let policy = &self.filter.config.policy;
        policy.has(Direction::Response) || policy.restores()
    }

    fn on_response_head(&mut self, head: &mut ResponseHead) -> BodyMode {
        let policy = &self.filter.config.policy;
        // Embeddings have no text: nothing waits for a verdict on them.
        let restores = !self.values.is_empty();
        let has_text = |dialect: &Dialect| (policy.has(Direction::Response) || restores) && !dialect.is_embedding();
        let Some(dialect) = self.dialect.filter(has_text) else {
            return BodyMode::Pass;
        };
        if head.is_streamed() {
            self.stream = Some(self.inspector(dialect));
        }
        match policy.can_edit(Direction::Response) {
            true => BodyMode::Enforce,
            // A response that cannot be read keeps its placeholders.
            false if restores => BodyMode::Edit,
            false => BodyMode::Observe,
        }
    }

    fn on_response(&mut self, response: &mut Response<'_>) -> Verdict {
        let (policy, excluded) = (&self.filter.config.policy, self.excluded());
        let of_request = (&*self.values, &*self.facts);
        let mut report = inspect_response_without(policy, excluded, of_request, response.view(), response.body());
        response.set_edits(std::mem::take(&mut report.edits));
        let cause = report.cause;
        self.response = Some(report);
        match cause {
            Some(cause) => Verdict::Reply(Box::new(refusal::of_response(&self.filter.config.policy, cause))),
            None => Verdict::Continue,
        }
    }

    fn on_text(&mut self, text: &str) -> TextAction {
        let Some(stream) = self.text_inspector() else { return TextAction::Pass };
        let mut released = String::with_capacity(text.len());
        match stream.whole_text(text, &mut released) {
            StreamVerdict::Continue if released == text => TextAction::Pass,
            StreamVerdict::Continue => TextAction::Replace(released),
            StreamVerdict::Block(cause) => TextAction::Abort(self.refusal(cause)),
        }
    }

    fn on_opaque_text(&mut self, text: &str) -> Option<Box<LocalReply>> {
        match self.text_inspector()?.opaque_text(text) {
            StreamVerdict::Continue => None,
            StreamVerdict::Block(cause) => Some(self.refusal(cause)),
        }
    }

    fn on_event(&mut self, event: &ParsedEvent<'_>, out: &mut Vec<u8>) -> StreamAction {
        let verdict = self.stream.as_mut().map(|stream| stream.event(event, out));
        self.action(verdict)
    }

    fn held_bytes(&self) -> usize {
        self.stream.as_ref().map_or(0, StreamInspector::bytes_kept_whole)
    }

    fn judges_lines(&self) -> bool {
        self.stream.is_some()
    }

    fn on_other_line(&mut self, text: &str) -> TextAction {
        if self.other_lines.is_none() {
            // No line is a name of a tool.
            self.other_lines = Some(self.inspector(Dialect::OpenAiTranscriptions));
        }
        let Some(lines) = &mut self.other_lines else { return TextAction::Pass };
        let mut released = String::with_capacity(text.len());
        match lines.whole_text(text, &mut released) {
            StreamVerdict::Continue if released == text => TextAction::Pass,
            StreamVerdict::Continue => TextAction::Replace(released),
            StreamVerdict::Block(cause) => TextAction::Abort(self.refusal(cause)),
        }
    }

    fn on_trailer(&mut self, text: &str) -> TextAction {
        match self.filter.config.policy.has(Direction::Response) {
            true => self.on_other_line(text),
            false => TextAction::Pass,
        }
    }

    fn on_events_end(&mut self, out: &mut Vec<u8>) -> StreamAction {
        let verdict = self.stream.as_mut().map(|stream| stream.finish(out));
        self.action(verdict)
    }

    fn on_log(&mut self, _: &StreamEnd) {
        self.publish();
    }
}

impl Inspection {
    /// Leaves out rules that do not apply to the call.
    #[must_use]
    pub fn without(self, excluded: RuleSet) -> Inspection {
        Inspection { excluded: Some(excluded), ..self }
    }

    pub(crate) fn new(filter: Rc<PromptInspector>) -> Inspection {
        Inspection {
            filter,
            dialect: None,
            excluded: None,
            request: Report::default(),
            values: Arc::default(),
            facts: Arc::default(),
            response: None,
            stream: None,
            other_lines: None,
            is_request_counted: false,
            has_unread_tokens: false,
            questions: Questions::default(),
        }
    }

    /// Returns `true` if guards have to be asked about the request.
    pub fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Collects what rules on responses need to know of the request as the client has sent it. A refused call has no response.
    fn collect_facts(&mut self, call: &Call<'_>) {
        let policy = &self.filter.config.policy;
        if policy.compares_with_request() {
            self.facts = Arc::new(RequestFacts::of(policy, self.excluded(), call.view(), call.body()));
        }
    }

    /// Prepares the questions to the guards about the request as the rules have edited it.
    fn ask(&mut self, call: &Call<'_>) -> Result<(), Verdict> {
        let policy = &self.filter.config.policy;
        if policy.has_guards() {
            self.questions = call.read_edited(|call| Questions::new(policy, self.excluded(), call))?;
        }
        Ok(())
    }

    /// Judges the request of a call, edited so far, by the responses of the guards, and makes their edits.
    pub fn on_guards(&mut self, call: &mut Call<'_>, responses: Vec<Result<CalloutResponse, CalloutError>>) -> Verdict {
        let filter = Rc::clone(&self.filter);
        let policy = &filter.config.policy;
        let answers = std::mem::take(&mut self.questions).answers(policy, responses, &filter.metrics);
        let mut report = inspect_guarded(policy, call.view(), call.body(), &answers.verdicts);
        report.unscanned += answers.unjudged;
        let edits = std::mem::take(&mut report.edits);
        self.request.add(report);
        self.take_values();
        self.request.judge(policy, Direction::Request);
        publish_verdict(&self.request);
        let refusal = match self.request.cause {
            Some(cause) => Some(refusal::of_request(policy, cause)),
            None => answers.refused_by.map(|guard| refusal::unguarded(&guard)),
        };
        match refusal {
            Some(refusal) => {
                self.publish();
                Verdict::Reply(Box::new(refusal))
            }
            None => {
                call.set_edits(edits);
                self.set_tags(call)
            }
        }
    }

    /// Returns the tags of the rules that matched in the request.
    pub fn request_tags(&self) -> Vec<&str> {
        self.request.tags(&self.filter.config.policy)
    }

    /// Sets the header with the tags of the request. Without it, a route for tagged calls would not match.
    fn set_tags(&self, call: &Call<'_>) -> Verdict {
        let Some(header) = &self.filter.config.tag_header else { return Verdict::Continue };
        let tags = self.request_tags();
        if tags.is_empty() || call.set_header(header, tags.join(",")).is_ok() {
            return Verdict::Continue;
        }
        Verdict::Reply(Box::new(refusal::untagged()))
    }

    /// Returns the inspector of a response that passes text by text; `None` for an API without texts.
    fn text_inspector(&mut self) -> Option<&mut StreamInspector> {
        let dialect = self.dialect?;
        if self.stream.is_none() {
            self.stream = Some(self.inspector(dialect));
        }
        self.stream.as_mut()
    }

    /// Creates the inspector of a streamed response.
    fn inspector(&self, dialect: Dialect) -> StreamInspector {
        let stream = StreamInspector::new(self.filter.config.policy.clone(), dialect);
        let stream = stream.without(self.excluded().clone()).restoring(Arc::clone(&self.values));
        stream.comparing(Arc::clone(&self.facts))
    }

    /// Takes the values of the placeholders of the request out of its report.
    fn take_values(&mut self) {
        if !self.request.placeholders.is_empty() {
            let own = std::mem::take(&mut self.request.placeholders);
            let mut values = std::mem::take(&mut self.values);
            Arc::make_mut(&mut values).add(&own);
            self.values = values;
        }
    }

    /// Returns the rules that do not apply to the call.
    fn excluded(&self) -> &RuleSet {
        self.excluded.as_ref().unwrap_or(&NO_RULES)
    }

    fn refusal(&self, cause: Cause) -> Box<LocalReply> {
        Box::new(refusal::of_response(&self.filter.config.policy, cause))
    }

    /// Matches the texts of a request and makes the edits. `None`: no rule applies to requests.
    fn inspect(&mut self, call: &mut Call<'_>) -> Option<Report> {
        let filter = Rc::clone(&self.filter);
        let policy = &filter.config.policy;
        let calls_tool = call.view().dialect.is_mcp() && policy.judges_arguments();
        if !policy.has(Direction::Request) && !calls_tool {
            return None;
        }
        let mut report = inspect_request_without(policy, self.excluded(), call.view(), call.body());
        let token_prompts = call.view().token_prompts.len();
        if token_prompts > 0 {
            let texts = filter.vocabularies.decode(call);
            let whole = texts.iter().filter(|text| text.is_whole).count();
            texts.iter().for_each(|text| report.add(inspect_uneditable_without(policy, self.excluded(), &text.text)));
            let unread = token_prompts.saturating_sub(whole);
            report.unscanned += unread as u64;
            self.has_unread_tokens = unread > 0;
            report.judge(policy, Direction::Request);
        }
        if report.cause.is_some() {
            report.edits = Edits::new();
        }
        call.set_edits(std::mem::take(&mut report.edits));
        Some(report)
    }

    /// Returns the action on a streamed response. `None`: the stream is not inspected.
    fn action(&self, verdict: Option<StreamVerdict>) -> StreamAction {
        match verdict {
            Some(StreamVerdict::Block(cause)) => {
                let finishes = self.filter.config.on_block_in_stream == OnBlockInStream::Finish
                    && matches!(cause, Cause::Rule(_) | Cause::Score);
                let reply = refusal::of_response(&self.filter.config.policy, cause);
                StreamAction::Abort(Box::new(reply.finishing(finishes)))
            }
            Some(StreamVerdict::Continue) | None => StreamAction::Continue,
        }
    }

    /// Publishes the rules that matched in request and response, and the stronger of the two verdicts.
    fn publish(&mut self) {
        let policy = &self.filter.config.policy;
        let response = self.response.as_ref().or(self.stream.as_ref().map(StreamInspector::report));
        let other_lines = self.other_lines.as_ref().map(StreamInspector::report);
        let mut names = Vec::new();
        let counted = std::mem::replace(&mut self.is_request_counted, true);
        for report in Some(&self.request).filter(|_| !counted).into_iter().chain(response).chain(other_lines) {
            self.filter.metrics.count(report);
        }
        for report in std::iter::once(&self.request).chain(response).chain(other_lines) {
            if !report.rules.is_empty() {
                names.push(report.rule_names(policy));
            }
        }
        let mut tags = self.request_tags();
        tags.extend(response.into_iter().chain(other_lines).flat_map(|report| report.tags(policy)));
        tags.sort_unstable();
        tags.dedup();
        if !tags.is_empty() {
            property::set(property::TAGS, tags.join(","));
        }
        let scores = &self.request.scores;
        property::set_unless_zero(property::REQUEST_SCORE, scores.total().into());
        property::set_unless_zero(property::TOOL_RESULTS_SCORE, scores.of_tool_results().into());
        let response_score = response.map_or(0, |response| response.scores.total());
        property::set_unless_zero(property::RESPONSE_SCORE, response_score.into());
        if !names.is_empty() {
            property::set(property::RULES, names.join(","));
        }
        let is_rule = |report: &Report| report.cause.is_none_or(|cause| matches!(cause, Cause::Rule(_) | Cause::Score));
        let strongest = response.into_iter().chain(other_lines).filter(|report| is_rule(report));
        if let Some(report) = strongest.max_by_key(|report| report.verdict)
            && report.verdict > self.request.verdict
        {
            publish_verdict(report);
        }
        if response.is_some_and(|response| response.unscanned > 0) {
            property::set(property::UNSCANNED, "response_texts");
        } else if self.has_unread_tokens {
            property::set(property::UNSCANNED, "request_token_ids");
        } else if self.request.unscanned > 0 {
            property::set(property::UNSCANNED, "request_texts");
        }
    }
}

/// Publishes the verdict if a rule matched. A later filter that refuses the call overwrites it.
fn publish_verdict(report: &Report) {
    if report.verdict.is_some() {
        property::set_verdict(report.verdict_name());
    }
}
