//! The exchange of cost-quota: reservation before a call, renewal while it runs.

use std::rc::Rc;

use tollgate_kit::{
    BodyMode, Call, Exchange, LocalReply, Response, ResponseHead, StreamAction, StreamEnd, Verdict, property, reached,
};
use tollgate_llm::{Dialect, ParsedEvent};
use tollgate_prices::OnUnknownPrice;
use tollgate_quota::{
    CallUsage, Estimate, ImposedLimit, LimitExceeded, OnBackground, Refusal, Reservation, Unit, UnixMillis,
    ratelimit_headers,
};
use tollgate_tokens::{Upstream, UsageMeter, UsageRecord};

use crate::admission::Admission;
use crate::background::Background;
use crate::config::OnUnavailable;
use crate::store::SharedData;
use crate::usage_source::{UsageSource, priced_tier, publish_tokens, used_tokens};
use crate::{CostQuota, millis, output_cap, refusal};

/// Input tokens of a call, as known before its reservation.
pub enum Input<'a> {
    /// The payment counts the prompt itself.
    Uncounted,
    /// Count of the prompt.
    Counted(u64),
    /// Upper bound of the count, and the prompt, which is counted only where a budget is in reach of the bound.
    Bounded {
        /// Largest number of tokens.
        most: u64,
        /// Prompt of the call.
        prompt: &'a mut dyn BoundedPrompt,
    },
}

/// Prompt of which an upper bound is known.
pub trait BoundedPrompt {
    /// Returns the least number of tokens, without counting.
    fn least(&self, call: &Call<'_>) -> u64;

    /// Counts the tokens.
    fn count(&mut self, call: &Call<'_>) -> u64;
}

/// Reservation and charge of one call.
pub struct Payment {
    pub(crate) filter: Rc<CostQuota>,
    /// Consumer of a call in a response that is produced in the background; empty for others.
    pub(crate) consumer: Vec<u8>,
    pub(crate) model: Option<String>,
    usage: UsageSource,
    pub(crate) reservation: Option<Reservation>,
    /// Output that the request permits, unless the call is free.
    pub(crate) output: Option<Estimate>,
    pub(crate) background: Background,
    /// `true` if the response names the model as its vendor does, see `Served::ByVendor`.
    pub(crate) is_served_by_vendor: bool,
    /// Number of requests that the call counts as: a batch of JSON-RPC calls counts as several.
    pub(crate) requests: u64,
    /// `true` if tokens are reported but not charged: those of a tool or of an uploaded file, which a later prompt contains.
    pub(crate) uses_requests_only: bool,
}

// === impl Payment ===

impl Exchange for Payment {
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
        let model = call.model().map(|model| model.into_owned());
        let Some(consumer) = self.filter.identify(call) else {
            return Verdict::Reply(Box::new(refusal::unidentified()));
        };
        if call.view().is_fetch {
            if let Some(meter) = self.fetch(call, consumer) {
                self.usage = UsageSource::Local(Box::new(meter));
            }
            return Verdict::Continue;
        }
        if call.view().lacks_calls() {
            // A notification, or a stream of the server.
            return Verdict::Continue;
        }
        if call.view().is_unmetered && self.filter.refuses_batches() {
            return Verdict::Reply(Box::new(LocalReply::unmetered()));
        }
        let input = property::get_u64(property::INPUT_TOKENS).map_or(Input::Uncounted, Input::Counted);
        self.reserve(call, &consumer, model, input)
    }

    fn reads_response(&self) -> bool {
        matches!(self.usage, UsageSource::Local(_)) || self.reads_state()
    }

    fn on_response_head(&mut self, head: &mut ResponseHead) -> BodyMode {
        self.announce(head);
        if let (Some(meter), true) = (self.usage.local_meter(), head.is_success()) {
            meter.head_usage(head.usage);
        }
        let reads_state = self.reads_state();
        match self.usage.local_meter() {
            Some(meter) if head.is_success() && head.is_streamed() && meter.withholds() => BodyMode::Edit,
            Some(_) if head.is_success() => BodyMode::Observe,
            None if head.is_success() && reads_state => BodyMode::Observe,
            _ => BodyMode::Pass,
        }
    }

    fn on_response(&mut self, response: &mut Response<'_>) -> Verdict {
        self.read_state(response.body());
        if let Some(meter) = self.usage.local_meter() {
            meter.response(response.view(), response.body());
        }
        Verdict::Continue
    }

    fn on_event(&mut self, event: &ParsedEvent<'_>, out: &mut Vec<u8>) -> StreamAction {
        self.read_state(event.data());
        let metered = self.usage.local_meter().map(|meter| meter.event(event)).unwrap_or_default();
        metered.usage.forward(event, out);
        StreamAction::Continue
    }

    fn on_elided(&mut self, bytes: u64) {
        if let Some(meter) = self.usage.local_meter() {
            meter.add_elided(bytes);
        }
    }

    fn on_unscanned(&mut self, bytes: u64) {
        if let Some(meter) = self.usage.local_meter() {
            meter.mark_unreadable(bytes);
        }
    }

    fn on_progress(&mut self, bytes: u64) {
        if let Some(meter) = self.usage.local_meter() {
            meter.add_unreadable(bytes);
        }
        if let Some(now) = self.renewal_due() {
            let record = self.usage.record_so_far();
            let served_model = self.usage.served_model();
            self.renew(now, record.as_ref(), served_model.as_deref());
        }
    }

    fn on_log(&mut self, end: &StreamEnd) {
        let record = self.usage.record(end);
        let served_model = self.usage.served_model();
        for reason in record.anomalies.names() {
            self.filter.metrics.borrow_mut().anomaly(reason);
        }
        if self.is_fetch() {
            if self.settle_fetched(end, &record, served_model.as_deref()) {
                publish_tokens(&record, served_model.as_deref());
            }
        } else if !self.hold(end, &record) {
            self.settle(end, &record, served_model.as_deref());
        }
    }
}

impl Payment {
    pub(crate) fn new(filter: Rc<CostQuota>) -> Payment {
        Payment {
            filter,
            consumer: Vec::new(),
            model: None,
            usage: UsageSource::TokenCounter,
            reservation: None,
            output: None,
            background: Background::Foreground,
            is_served_by_vendor: false,
            requests: 1,
            uses_requests_only: false,
        }
    }

    /// Reserves the most that a call to `model` can use in all budgets of `consumer`.
    pub fn reserve(
        &mut self,
        call: &mut Call<'_>,
        consumer: &[u8],
        model: Option<String>,
        input: Input<'_>,
    ) -> Verdict {
        let filter = Rc::clone(&self.filter);
        self.model = model;
        let dialect = call.view().dialect;
        self.uses_requests_only = dialect.is_mcp() || dialect.is_upload();
        if dialect.is_mcp() {
            self.requests = call.view().rpc_calls() as u64;
        }
        self.is_served_by_vendor = call.view().dialect == Dialect::BedrockInvoke;
        let price = self.price(None);
        let view = call.view();
        let mut token_estimate = match view.dialect.is_free() {
            true => Estimate { max_output_tokens: Some(0), ..Estimate::default() },
            false => Estimate {
                input_tokens: 0,
                max_output_tokens: view.max_output_tokens,
                min_output_tokens: view.min_output_tokens,
                thinking_tokens: view.thinking_tokens,
                candidates: view.candidates,
                service_tier: view.service_tier.and_then(priced_tier),
            },
        };
        self.output = (!view.dialect.is_free()).then_some(token_estimate);
        let budgets = filter.config.quota.budgets(consumer);
        if view.background {
            self.consumer = consumer.to_vec();
            self.background = Background::Start(None);
        }
        let limits_usage = budgets.iter().any(|budget| budget.unit() != Unit::Requests);
        let is_refused = view.background && limits_usage && filter.config.quota.on_background() == OnBackground::Refuse;
        if is_refused && !filter.config.is_audit {
            return Verdict::Reply(Box::new(refusal::background()));
        }
        let needs_price = budgets.iter().any(|budget| budget.unit() == Unit::Usd);
        let mut is_unpriced = false;
        if price.is_none() && !view.dialect.is_free() && (needs_price || !filter.config.prices.is_empty()) {
            filter.metrics.borrow().unpriced.add(1);
            is_unpriced = needs_price && filter.config.on_unknown_price == OnUnknownPrice::Refuse;
        }
        if is_unpriced && !filter.config.is_audit {
            return Verdict::Reply(Box::new(refusal::unpriced()));
        }
        let margin = filter.config.catalog.margin(self.model.as_deref().unwrap_or_default());
        let admission = Admission {
            config: &filter.config,
            consumer,
            price: price.as_ref(),
            margin,
            requests: self.requests,
            uses_requests_only: self.uses_requests_only,
        };
        let imposed = output_cap::imposed(call, &admission);
        let requested = token_estimate;
        if let Some(limit) = &imposed {
            token_estimate = limit.at_least(&token_estimate);
        }
        match input {
            Input::Counted(tokens) => token_estimate.input_tokens = margin.reserved(tokens),
            Input::Bounded { most, prompt } => {
                let bound = admission.claim(&Estimate { input_tokens: margin.reserved(most), ..requested });
                let now = millis(call.now_ns());
                // A refusal by a bound is none: the count decides.
                if imposed.is_none_or(|limit| limit.is_own())
                    && let Ok(Some(reservation)) = filter.config.quota.reserve_bound(&SharedData, consumer, now, bound)
                {
                    self.keep(reservation);
                    return unless_unpriced(is_unpriced, Verdict::Continue);
                }
                if !filter.config.is_audit
                    && let Err(Refusal::LimitExceeded(exceeded)) =
                        admission.remaining(call, &token_estimate, margin.reserved(prompt.least(call)))
                {
                    // A consumer that is out of budget and keeps trying costs no counting.
                    return self.limit_exceeded(&exceeded);
                }
                token_estimate.input_tokens = margin.reserved(prompt.count(call));
            }
            Input::Uncounted => match self.count(&admission, call, &token_estimate) {
                Ok(tokens) => token_estimate.input_tokens = margin.reserved(tokens),
                Err(exceeded) => return self.limit_exceeded(&exceeded),
            },
        }
        let claim = admission.claim(&token_estimate);
        let now = millis(call.now_ns());
        let reserved = match &imposed {
            Some(limit) => output_cap::reserve(limit, &admission, call, &token_estimate),
            None => filter.config.quota.reserve(&SharedData, consumer, now, claim).map(|reservation| (reservation, 0)),
        };
        let verdict = match (reserved, imposed) {
            (Ok((reservation, tokens)), Some(limit)) => self.impose(reservation, (limit, tokens), call),
            (Ok((reservation, _)), None) => {
                self.keep(reservation);
                Verdict::Continue
            }
            (Err(Refusal::LimitExceeded(exceeded)), _) => {
                if filter.config.is_audit {
                    // The call goes on, and is charged.
                    if let Ok(reservation) = filter.config.quota.reserve_beyond(&SharedData, consumer, now, claim) {
                        self.keep(reservation);
                    }
                }
                self.limit_exceeded(&exceeded)
            }
            (Err(Refusal::Unavailable(why)), _) => self.unavailable(&why),
        };
        unless_unpriced(is_unpriced, verdict)
    }

    /// Counts the prompt of a call, as far as its budgets need it, and starts a meter of its response.
    fn count(
        &mut self,
        admission: &Admission<'_>,
        call: &mut Call<'_>,
        token_estimate: &Estimate,
    ) -> Result<u64, Box<LimitExceeded>> {
        let view = call.view();
        let config = admission.config;
        let profile = config.catalog.profile(self.model.as_deref().unwrap_or_default());
        let mut tokens = 0;
        if !view.dialect.is_free() {
            tokens = admission.count(&profile, call, token_estimate)?;
            self.filter.metrics.borrow().counted.add(1);
        }
        let header = |name| call.header(name).unwrap_or_default();
        let upstream = Upstream {
            model: self.model.as_deref().unwrap_or_default(),
            path: header(":path"),
            authority: header(":authority"),
            ..Upstream::default()
        };
        let mut meter = UsageMeter::new(view, profile.tokenizer().clone(), tokens);
        match config.usage.asks(&upstream) {
            true => view.include_usage(call.body(), call.edits()),
            false => meter.pass_usage(),
        }
        self.usage = UsageSource::Local(Box::new(meter));
        Ok(tokens)
    }

    /// Adds the rate limit headers to a response.
    pub fn announce(&self, head: &mut ResponseHead) {
        if let Some(reservation) = &self.reservation {
            for (name, value) in ratelimit_headers(reservation.statuses()) {
                head.set_header(name, value);
            }
        }
    }

    /// Keeps a reservation that has `limit` tokens of output, and imposes that limit on the request.
    fn impose(&mut self, reservation: Reservation, limit: (ImposedLimit, u64), call: &mut Call<'_>) -> Verdict {
        let (imposed, tokens) = limit;
        if tokens < u64::MAX {
            self.output = self.output.map(|output| Estimate { max_output_tokens: Some(tokens), ..output });
        }
        let model = self.model.as_deref().unwrap_or_default();
        let target = self.filter.config.catalog.resolve_alias(model);
        let verdict = output_cap::write(&imposed, tokens, target, call);
        match &verdict {
            Verdict::Continue => self.keep(reservation),
            Verdict::Reply(_) => self.replace(reservation, millis(call.now_ns()), &CallUsage::ZERO),
        }
        verdict
    }

    fn keep(&mut self, reservation: Reservation) {
        self.filter.metrics.borrow().unsettled.add(reservation.lost_calls());
        self.reservation = Some(reservation);
    }

    /// Returns the current time if the reservation of a running call has to be [renewed](Self::renew).
    pub fn renewal_due(&self) -> Option<UnixMillis> {
        let renew_at = self.reservation.as_ref()?.renew_at();
        reached(renew_at.0.saturating_mul(1_000_000)).map(millis)
    }

    /// Renews the reservation of a running call. `seen`: its usage so far, if that is known.
    pub fn renew(&mut self, now: UnixMillis, seen: Option<&UsageRecord>, served_model: Option<&str>) {
        let seen = seen.map(|record| CallUsage {
            tokens: if self.uses_requests_only { 0 } else { used_tokens(&record.usage) },
            requests: self.requests,
            nano_usd: self.price(served_model).map(|price| self.cost(true, record, price)).unwrap_or_default(),
        });
        let Some(reservation) = &mut self.reservation else { return };
        let quota = &self.filter.config.quota;
        let if_lost = match &seen {
            Some(seen) => quota.if_lost(reservation.reserved(), seen),
            None => *reservation.if_lost(),
        };
        // On failure the reservation is kept until its lease ends, and the next event tries again.
        if let Ok(lost_calls) = quota.renew(&SharedData, reservation, now, &if_lost) {
            self.filter.metrics.borrow().unsettled.add(lost_calls);
        }
    }

    fn limit_exceeded(&self, exceeded: &LimitExceeded) -> Verdict {
        self.filter.metrics.borrow().limit_exceeded.add(1);
        Verdict::Reply(Box::new(refusal::over_budget(exceeded, self.filter.config.oversized_status)))
    }

    fn unavailable(&self, why: &impl std::fmt::Display) -> Verdict {
        self.filter.metrics.borrow().unavailable.add(1);
        log_unavailable("reserved", why);
        match self.filter.config.on_unavailable {
            OnUnavailable::Refuse => Verdict::Reply(Box::new(refusal::unavailable())),
            OnUnavailable::Allow => Verdict::Continue,
        }
    }
}

/// Returns the verdict on a call that goes on in an audit although its model has no price.
fn unless_unpriced(is_unpriced: bool, verdict: Verdict) -> Verdict {
    if is_unpriced { Verdict::Reply(Box::new(refusal::unpriced())) } else { verdict }
}

/// Logs that the quota store was unavailable.
pub(crate) fn log_unavailable(what: &str, why: &impl std::fmt::Display) {
    tollgate_kit::warn(&format!("cost-quota: a call could not be {what}: {why}"));
}
