//! The exchange of the gateway: one call through all stages.

use std::rc::Rc;

use cost_quota::{BoundedPrompt, Input, Payment};
use prompt_inspector::{CallerNames, CallerNeeds, Inspection};
use token_counter::Counting;
use tollgate_digest::MIN_BODY_BYTES;
use tollgate_kit::{
    BodyMode, Call, Callout, CalloutError, CalloutResponse, Exchange, Filter, LocalReply, Response, ResponseHead,
    StreamAction, StreamEnd, TextAction, Verdict, property, random_key,
};
use tollgate_llm::{Dialect, Edits, Event, EventParser, FrameError, Framer, Framing, ParsedEvent};
use tollgate_policy::{CountingMode, ReferenceRules};
use tollgate_route::Decision;
use tollgate_tokens::{ForwardedUsage, Upstream, UsageRecord};

use crate::Gateway;
use crate::mcp::Listing;

/// Stage of a call, with the access to the response that it asked for.
pub(crate) struct Stage<T> {
    work: T,
    mode: BodyMode,
}

/// One call through the stages. A stage is set once it has let the call pass.
pub(crate) struct Transit {
    pub(crate) gateway: Rc<Gateway>,
    inspection: Option<Stage<Inspection>>,
    pub(crate) counting: Option<Stage<Counting>>,
    pub(crate) payment: Option<Payment>,
    /// Tools to remove from the lists in the response.
    pub(crate) listing: Option<Listing>,
    /// Consumer of a call that waits for guards.
    consumer: Vec<u8>,
    /// Model of the call, if tags depend on it.
    model: Option<String>,
    dialect: Option<Dialect>,
    /// Output of the inspector where nothing is held and the output is ignored.
    ignored: Vec<u8>,
}

impl<T> Stage<T> {
    pub(crate) fn new(work: T) -> Stage<T> {
        Stage { work, mode: BodyMode::Pass }
    }

    /// Returns the stage if it reads the response.
    fn reading(stage: &mut Option<Stage<T>>) -> Option<&mut Stage<T>> {
        stage.as_mut().filter(|stage| stage.mode != BodyMode::Pass)
    }

    /// Lets the stage read no more after it has ended the stream.
    fn stop_after(&mut self, action: StreamAction) -> StreamAction {
        if let StreamAction::Abort(_) = action {
            self.mode = BodyMode::Pass;
        }
        action
    }
}

impl Exchange for Transit {
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
        let body = call.body();
        match body.len() < MIN_BODY_BYTES {
            true => self.judge(call),
            // Inspector and counter look up the same texts.
            false => tollgate_digest::sharing(body, random_key, || self.judge(call)),
        }
    }

    fn callouts(&mut self) -> Option<Vec<Callout>> {
        self.inspection.as_mut()?.work.callouts()
    }

    fn on_callouts(&mut self, call: &mut Call<'_>, responses: Vec<Result<CalloutResponse, CalloutError>>) -> Verdict {
        let consumer = std::mem::take(&mut self.consumer);
        call.continue_edited(|call| {
            debug_assert!(self.inspection.is_some(), "the inspection has asked for the callouts");
            let inspection = self.inspection.as_mut();
            let verdict = inspection.map_or(Verdict::Continue, |stage| stage.work.on_guards(call, responses));
            if let Verdict::Reply(reply) = self.effective(verdict, call) {
                return Verdict::Reply(reply);
            }
            call.continue_edited(|call| self.admit(call, &consumer))
        })
    }

    fn on_late_form_fields(&mut self, call: &mut Call<'_>) -> Verdict {
        let Some(inspection) = &mut self.inspection else { return Verdict::Continue };
        let verdict = match inspection.work.on_late_form_fields(call) {
            Verdict::Continue => self.tagged(self.model.as_deref()),
            refused => refused,
        };
        self.effective(verdict, call)
    }

    fn reads_response(&self) -> bool {
        self.counting.is_some()
            || self.listing.is_some()
            || self.inspection.as_ref().is_some_and(|inspection| inspection.work.reads_response())
    }

    fn on_response_head(&mut self, head: &mut ResponseHead) -> BodyMode {
        let is_audit = self.gateway.is_audit;
        let bounded = |mode: BodyMode| if is_audit { mode.min(BodyMode::Observe) } else { mode };
        if let Some(payment) = self.payment.as_ref().filter(|_| !is_audit) {
            payment.announce(head);
        }
        let mut most = BodyMode::Pass;
        if let Some(stage) = &mut self.counting {
            stage.mode = bounded(stage.work.on_response_head(head));
            most = most.max(stage.mode);
        }
        if let Some(stage) = &mut self.inspection {
            stage.mode = bounded(stage.work.on_response_head(head));
            most = most.max(stage.mode);
        }
        if self.listing.is_some() {
            most = BodyMode::Enforce;
        }
        most
    }

    fn on_response(&mut self, response: &mut Response<'_>) -> Verdict {
        self.on_listed(response)
    }

    fn on_text(&mut self, text: &str) -> TextAction {
        if self.listing.is_some() {
            // A list that is too large to be held cannot be shortened.
            return TextAction::Abort(Box::new(LocalReply::unreadable_response()));
        }
        match Stage::reading(&mut self.inspection) {
            Some(inspection) => inspection.work.on_text(text),
            None => TextAction::Pass,
        }
    }

    fn on_opaque_text(&mut self, text: &str) -> Option<Box<LocalReply>> {
        Stage::reading(&mut self.inspection)?.work.on_opaque_text(text)
    }

    fn held_bytes(&self) -> usize {
        self.inspection.as_ref().map_or(0, |inspection| inspection.work.held_bytes())
    }

    fn judges_lines(&self) -> bool {
        self.inspection.as_ref().is_some_and(|inspection| inspection.work.judges_lines())
    }

    fn on_other_line(&mut self, text: &str) -> TextAction {
        match Stage::reading(&mut self.inspection) {
            Some(inspection) => inspection.work.on_other_line(text),
            None => TextAction::Pass,
        }
    }

    fn on_trailer(&mut self, text: &str) -> TextAction {
        let Some(inspection) = Stage::reading(&mut self.inspection) else { return TextAction::Pass };
        let action = inspection.work.on_trailer(text);
        if inspection.mode == BodyMode::Observe { TextAction::Pass } else { action }
    }

    fn on_condensed(&mut self, response: &mut Response<'_>) {
        self.read_state(response.body());
        if let Some(counting) = Stage::reading(&mut self.counting) {
            // The meter lets every response pass.
            let _ = counting.work.on_response(response);
        }
    }

    fn on_event(&mut self, event: &ParsedEvent<'_>, out: &mut Vec<u8>) -> StreamAction {
        match self.listing {
            Some(_) => self.on_listed_event(event, out),
            None => self.judge_event(event, out),
        }
    }

    fn on_events_end(&mut self, out: &mut Vec<u8>) -> StreamAction {
        match Stage::reading(&mut self.inspection) {
            Some(inspection) if inspection.mode != BodyMode::Observe => {
                let action = inspection.work.on_events_end(out);
                inspection.stop_after(action)
            }
            Some(inspection) => {
                self.ignored.clear();
                let action = inspection.work.on_events_end(&mut self.ignored);
                let _ = inspection.stop_after(action);
                StreamAction::Continue
            }
            None => StreamAction::Continue,
        }
    }

    fn meters_aborted(&self) -> bool {
        self.counting.is_some()
    }

    fn on_aborted_event(&mut self, event: &ParsedEvent<'_>) {
        self.read_state(event.data());
        if let Some(counting) = Stage::reading(&mut self.counting) {
            counting.work.meter(event);
        }
    }

    fn on_progress(&mut self, bytes: u64) {
        if let Some(counting) = &mut self.counting {
            counting.work.on_progress(bytes);
        }
        if let Some(payment) = &mut self.payment
            && let Some(now) = payment.renewal_due()
        {
            let counting = self.counting.as_ref().map(|counting| &counting.work);
            let record = counting.map(|counting| counting.record());
            payment.renew(now, record.as_ref(), counting.and_then(|counting| counting.served_model()));
        }
    }

    fn on_elided(&mut self, bytes: u64) {
        if let Some(counting) = Stage::reading(&mut self.counting) {
            counting.work.on_elided(bytes);
        }
    }

    fn on_unscanned(&mut self, bytes: u64) {
        if let Some(counting) = Stage::reading(&mut self.counting) {
            counting.work.on_unscanned(bytes);
        }
        if let Some(inspection) = Stage::reading(&mut self.inspection) {
            inspection.work.on_unscanned(bytes);
        }
    }

    fn settles_refusal(&self) -> bool {
        self.inspection.is_some() || self.counting.is_some() || self.payment.is_some()
    }

    fn on_log(&mut self, end: &StreamEnd) {
        if let Some(inspection) = &mut self.inspection {
            inspection.work.on_log(end);
        }
        let mut counting = self.counting.as_mut().map(|stage| &mut stage.work);
        if let (Some(payment), Some(counting)) = (&mut self.payment, &mut counting) {
            if payment.is_fetch() {
                if payment.settle_fetched(end, &counting.record(), counting.served_model()) {
                    counting.settle(end);
                }
                return;
            }
            if payment.is_background() && payment.hold(end, &counting.record()) {
                return;
            }
        }
        let record = counting.as_mut().map_or(UsageRecord::NOTHING, |counting| counting.settle(end));
        if let Some(payment) = &mut self.payment {
            let served_model = counting.as_ref().and_then(|counting| counting.served_model());
            payment.settle(end, &record, served_model);
        }
    }
}

/// Prompt of a call that was bounded, with its model.
struct Prompt<'a> {
    counting: &'a mut Counting,
    model: &'a str,
}

impl BoundedPrompt for Prompt<'_> {
    fn least(&self, call: &Call<'_>) -> u64 {
        self.counting.least(call, self.model)
    }

    fn count(&mut self, call: &Call<'_>) -> u64 {
        self.counting.count(call, self.model);
        self.counting.input_tokens()
    }
}

impl Transit {
    pub(crate) fn new(gateway: Rc<Gateway>) -> Transit {
        Transit {
            gateway,
            inspection: None,
            counting: None,
            payment: None,
            listing: None,
            consumer: Vec::new(),
            model: None,
            dialect: None,
            ignored: Vec::new(),
        }
    }

    /// Shows all stages a complete response.
    pub(crate) fn judge_response(&mut self, response: &mut Response<'_>) -> Verdict {
        self.on_condensed(response);
        let Some(inspection) = Stage::reading(&mut self.inspection) else { return Verdict::Continue };
        let verdict = inspection.work.on_response(response);
        if inspection.mode == BodyMode::Observe {
            response.set_edits(Edits::new());
            return Verdict::Continue;
        }
        verdict
    }

    /// Shows all stages an event.
    pub(crate) fn judge_event(&mut self, event: &ParsedEvent<'_>, out: &mut Vec<u8>) -> StreamAction {
        self.read_state(event.data());
        if let Some(counting) = Stage::reading(&mut self.counting) {
            let usage = counting.work.meter(event).usage;
            if counting.mode != BodyMode::Observe && usage != ForwardedUsage::Kept {
                return self.inspect_without_usage(event, usage, out);
            }
        }
        self.inspect_event(event, out)
    }

    /// Shows the inspector an event, or what is left of it without usage that the client has not requested.
    fn inspect_without_usage(
        &mut self,
        event: &ParsedEvent<'_>,
        usage: ForwardedUsage,
        out: &mut Vec<u8>,
    ) -> StreamAction {
        let mut forwarded = Vec::new();
        usage.forward(event, &mut forwarded);
        let Some(dialect) = self.dialect.filter(|_| !forwarded.is_empty()) else { return StreamAction::Continue };
        self.judge_bytes(event.event().framing(), dialect, &forwarded, |transit, event| {
            transit.inspect_event(event, out)
        })
    }

    /// Judges the events that `bytes` are, in place of one that was framed before.
    pub(crate) fn judge_bytes(
        &mut self,
        framing: Framing,
        dialect: Dialect,
        bytes: &[u8],
        mut judge: impl FnMut(&mut Transit, &ParsedEvent<'_>) -> StreamAction,
    ) -> StreamAction {
        let (mut framer, mut parser) = (Framer::new(framing, usize::MAX), EventParser::new(dialect));
        let mut each = |event: Event<'_>| match judge(self, &parser.parse(event)) {
            StreamAction::Continue => Ok(()),
            StreamAction::Abort(reply) => Err(reply),
        };
        let read = framer.push(bytes, &mut each).and_then(|()| framer.finish(each));
        match read {
            Ok(()) => StreamAction::Continue,
            Err(FrameError::Callback(reply)) => StreamAction::Abort(reply),
            Err(_) => StreamAction::Abort(Box::new(LocalReply::unreadable_response())),
        }
    }

    /// Shows the inspector an event.
    fn inspect_event(&mut self, event: &ParsedEvent<'_>, out: &mut Vec<u8>) -> StreamAction {
        match Stage::reading(&mut self.inspection) {
            Some(inspection) if inspection.mode != BodyMode::Observe => {
                let action = inspection.work.on_event(event, out);
                inspection.stop_after(action)
            }
            observer => {
                out.extend_from_slice(event.raw());
                if let Some(inspection) = observer {
                    self.ignored.clear();
                    let action = inspection.work.on_event(event, &mut self.ignored);
                    let _ = inspection.stop_after(action);
                }
                StreamAction::Continue
            }
        }
    }

    /// Runs all stages on a request.
    fn judge(&mut self, call: &mut Call<'_>) -> Verdict {
        self.dialect = Some(call.view().dialect);
        let consumer = match self.identify(call) {
            Ok(consumer) => consumer,
            Err(reply) => return Verdict::Reply(reply),
        };
        let verdict = self.allowed_tools(call, &consumer);
        if let Verdict::Reply(reply) = self.effective(verdict, call) {
            return Verdict::Reply(reply);
        }
        let verdict = self.allowed_references(call);
        if let Verdict::Reply(reply) = self.effective(verdict, call) {
            return Verdict::Reply(reply);
        }
        if let Verdict::Reply(reply) = self.inspect(call, &consumer) {
            return Verdict::Reply(reply);
        }
        if call.view().is_fetch {
            self.fetch(call, consumer);
            return Verdict::Continue;
        }
        if self.inspection.as_ref().is_some_and(|stage| stage.work.has_questions()) {
            // The other stages follow in `on_callouts`.
            self.consumer = consumer;
            return Verdict::Continue;
        }
        call.continue_edited(|call| self.admit(call, &consumer))
    }

    /// Returns the consumer of the call, which is empty without an identity in the policy; or the reply to a call that has
    /// none and must have one.
    fn identify(&self, call: &Call<'_>) -> Result<Vec<u8>, Box<LocalReply>> {
        let Some(quota) = &self.gateway.stages.quota else { return Ok(Vec::new()) };
        let is_ambiguous = quota.identity_header().is_some_and(|header| call.header_count(header) > 1);
        let consumer = if is_ambiguous { None } else { quota.identify(call) };
        match consumer {
            Some(consumer) => Ok(consumer),
            None if self.gateway.is_audit => {
                property::set_verdict(quota.unidentified().verdict);
                Ok(Vec::new())
            }
            None => Err(Box::new(quota.unidentified())),
        }
    }

    /// Returns the reply to a call with a reference that the policy refuses.
    fn allowed_references(&self, call: &Call<'_>) -> Verdict {
        let Some(reference) = self.gateway.stages.references.violated(call.view(), call.body()) else {
            return Verdict::Continue;
        };
        let reply = LocalReply::new(400, "block", ReferenceRules::refusal(reference, call.body()));
        let details = format!("reference.{}", reference.kind.name());
        Verdict::Reply(Box::new(reply.with_details(details).with_code("reference_not_allowed")))
    }

    fn inspect(&mut self, call: &mut Call<'_>, consumer: &[u8]) -> Verdict {
        let Some(inspector) = &self.gateway.stages.inspector else { return Verdict::Continue };
        let excluded = inspector.excluded(call, |needs| self.caller(call, consumer, needs));
        let mut inspection = Rc::clone(inspector).inspection().without(excluded);
        let verdict = inspection.on_request(call);
        let verdict = self.effective(verdict, call);
        if matches!(verdict, Verdict::Continue) {
            self.inspection = Some(Stage::new(inspection));
        }
        verdict
    }

    /// Returns the names of the caller that rules depend on.
    fn caller(&self, call: &Call<'_>, consumer: &[u8], needs: CallerNeeds) -> CallerNames {
        let stages = &self.gateway.stages;
        let consumer = std::str::from_utf8(consumer).ok().filter(|consumer| needs.consumers && !consumer.is_empty());
        let team = stages.team.as_ref().filter(|_| needs.teams).and_then(|team| team.name(call));
        let router = stages.router.as_ref().filter(|_| needs.routes);
        let route = router.and_then(|router| {
            let model = call.model();
            router.decide(model.as_deref()).ok().map(|decision| decision.route.to_owned())
        });
        CallerNames { consumer: consumer.map(str::to_owned), team, route }
    }

    /// Prepares the settlement of an earlier call by the response that this call fetches. Nothing is counted, reserved or
    /// routed: the call has no model, and generates nothing.
    fn fetch(&mut self, call: &Call<'_>, consumer: Vec<u8>) {
        let stages = &self.gateway.stages;
        let (Some(quota), Some(counter)) = (&stages.quota, &stages.counter) else { return };
        let mut payment = Rc::clone(quota).payment();
        if let Some(meter) = payment.fetch(call, consumer) {
            self.counting = Some(Stage::new(Rc::clone(counter).counting_with(call, meter)));
            self.payment = Some(payment);
        }
    }

    /// Shows the payment a response, or an event of one, if it is produced in the background.
    fn read_state(&mut self, data: &[u8]) {
        if let Some(payment) = &mut self.payment {
            payment.read_state(data);
        }
    }

    /// Runs the stages behind the inspector, on the text that it lets pass.
    fn admit(&mut self, call: &mut Call<'_>, consumer: &[u8]) -> Verdict {
        if call.view().dialect.is_mcp() {
            return self.admit_tools(call, consumer);
        }
        let gateway = Rc::clone(&self.gateway);
        if call.view().is_unmetered && gateway.refuses_batches() {
            return Verdict::Reply(Box::new(LocalReply::unmetered()));
        }
        let model = call.model();
        if let Some(model) = &model {
            // Also of a call that a later stage refuses. A rule that redacts the name has done so.
            property::set_name(property::MODEL, model);
        }
        let decision = match gateway.stages.router.as_ref().map(|router| router.decide(model.as_deref())) {
            None => None,
            Some(Ok(decision)) => Some(decision),
            Some(Err(_)) if model.is_none() && !call.view().dialect.names_model() => None,
            Some(Err(reply)) => match self.effective(Verdict::Reply(reply), call) {
                Verdict::Continue => None,
                refused => return refused,
            },
        };
        let verdict = self.tagged(model.as_deref());
        if let Verdict::Reply(reply) = self.effective(verdict, call) {
            return Verdict::Reply(reply);
        }
        if !gateway.stages.tag_routing.is_empty() {
            self.model = model.as_deref().map(str::to_owned);
        }
        let verdict = self.references(call);
        if let Verdict::Reply(reply) = self.effective(verdict, call) {
            return Verdict::Reply(reply);
        }
        self.count(call, decision.as_ref());
        if let Some(quota) = &gateway.stages.quota {
            let mut payment = Rc::clone(quota).payment();
            let verdict = self.reserve(&mut payment, call, consumer);
            if let Verdict::Reply(reply) = self.effective(verdict, call) {
                return Verdict::Reply(reply);
            }
            self.payment = Some(payment);
        }
        self.route(call, decision.as_ref())
    }

    /// Reserves the prompt of a call and its output: the bound of the prompt where that is small, else its count.
    fn reserve(&mut self, payment: &mut Payment, call: &mut Call<'_>, consumer: &[u8]) -> Verdict {
        let model = call.model();
        let owned = model.as_deref().map(str::to_owned);
        let tokens = self.counting.as_ref().map_or(0, |stage| stage.work.input_tokens());
        match &mut self.counting {
            Some(stage) if self.gateway.stages.counting == CountingMode::WhenNeeded => {
                let mut prompt = Prompt { counting: &mut stage.work, model: model.as_deref().unwrap_or_default() };
                payment.reserve(call, consumer, owned, Input::Bounded { most: tokens, prompt: &mut prompt })
            }
            _ => payment.reserve(call, consumer, owned, Input::Counted(tokens)),
        }
    }

    /// Returns the reply to a call whose tags do not allow its model.
    pub(crate) fn tagged(&self, model: Option<&str>) -> Verdict {
        let routing = &self.gateway.stages.tag_routing;
        let Some(inspection) = self.inspection.as_ref().filter(|_| !routing.is_empty()) else {
            return Verdict::Continue;
        };
        match routing.violated(model, &inspection.work.request_tags()) {
            None => Verdict::Continue,
            Some(violated) => {
                let reply = LocalReply::new(403, "block", violated.refusal());
                Verdict::Reply(Box::new(reply.with_details(violated.tag.clone()).with_code("content_policy_violation")))
            }
        }
    }

    /// Returns the reply to a call that refers to content of unknown size, where the policy refuses such calls.
    fn references(&self, call: &Call<'_>) -> Verdict {
        let stages = &self.gateway.stages;
        let is_refused = stages.refuses_references
            && !call.view().dialect.is_free()
            && tollgate_tokens::has_references(call.view(), call.body());
        if !is_refused {
            return Verdict::Continue;
        }
        let message = "The request refers to content outside of it (a URL, a file id or a stored conversation), whose number \
                       of tokens is unknown. Send the content itself.";
        Verdict::Reply(Box::new(LocalReply::new(400, "unbounded", message).with_code("content_reference")))
    }

    /// Counts or bounds the prompt with the tokenizer of the model, and asks the upstream for usage.
    fn count(&mut self, call: &mut Call<'_>, decision: Option<&Decision<'_>>) {
        let gateway = Rc::clone(&self.gateway);
        let Some(counter) = &gateway.stages.counter else { return };
        let model = call.model();
        let mut counting = Rc::clone(counter).counting();
        let model = model.as_deref().unwrap_or_default();
        match gateway.stages.counting {
            CountingMode::Exact => counting.count(call, model),
            CountingMode::WhenNeeded => counting.bound(call, model),
            CountingMode::Off => counting.meter_only(call, model),
        }
        if !gateway.is_audit {
            let provider = gateway.stages.model_providers.find(model).map(String::as_str);
            let route = decision.map(|decision| decision.route);
            counting.ask_for_usage(call, &Upstream { model, route, provider, ..Upstream::default() });
        }
        self.counting = Some(Stage::new(counting));
    }

    /// Sets the route, and replaces the model by its name at the upstream.
    fn route(&self, call: &mut Call<'_>, decision: Option<&Decision<'_>>) -> Verdict {
        if let Some(decision) = decision {
            return model_router::apply(decision, call);
        }
        let stages = &self.gateway.stages;
        let model = call.model();
        let upstream_model = model.as_deref().and_then(|model| stages.upstream_models.find(model));
        match upstream_model.filter(|upstream_model| Some(upstream_model.as_str()) != model.as_deref()) {
            Some(upstream_model) => model_router::rename(upstream_model, call),
            None => Verdict::Continue,
        }
    }

    /// Returns the verdict that takes effect. An audit records a refusal, drops all edits and lets the call pass.
    pub(crate) fn effective(&self, verdict: Verdict, call: &mut Call<'_>) -> Verdict {
        if !self.gateway.is_audit {
            return verdict;
        }
        call.set_edits(Edits::new());
        if let Verdict::Reply(reply) = verdict {
            property::set_verdict(reply.verdict);
        }
        Verdict::Continue
    }
}
