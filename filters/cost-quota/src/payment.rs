//! The exchange of cost-quota: reservation before a call, settlement after it.

use std::rc::Rc;

use tollgate_kit::{BodyMode, Call, Exchange, Response, ResponseHead, StreamAction, StreamEnd, Verdict, property};
use tollgate_llm::Event;
use tollgate_prices::ModelPrice;
use tollgate_quota::{CallUsage, Estimate, LimitExceeded, Refusal, Reservation, Unit, ratelimit_headers};
use tollgate_tokens::UsageMeter;

use crate::admission::Admission;
use crate::config::{OnUnavailable, OnUnknownPrice};
use crate::store::SharedData;
use crate::usage_source::UsageSource;
use crate::{CostQuota, millis, refusal};

/// Reservation and charge of one call.
pub(crate) struct Payment {
    filter: Rc<CostQuota>,
    model: Option<String>,
    usage: UsageSource,
    reservation: Option<Reservation>,
}

// === impl Payment ===

impl Exchange for Payment {
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
        let filter = Rc::clone(&self.filter);
        self.model = call.model().map(|model| model.into_owned());
        let Some(consumer) = self.consumer(call) else {
            return Verdict::Reply(Box::new(refusal::unidentified()));
        };
        let price = self.price();
        let view = call.view();
        let mut ask =
            Estimate { input_tokens: 0, max_output_tokens: view.max_output_tokens, candidates: view.candidates };
        if view.dialect.is_free() {
            ask = Estimate { input_tokens: 0, max_output_tokens: Some(0), candidates: 1 };
        }
        let quota = &filter.config.quota;
        let budgets = quota.budgets(&consumer);
        if price.is_none() && !view.dialect.is_free() && budgets.iter().any(|budget| budget.unit() == Unit::Usd) {
            filter.metrics.borrow().unpriced.add(1);
            if filter.config.on_unknown_price == OnUnknownPrice::Refuse {
                return Verdict::Reply(Box::new(refusal::unpriced()));
            }
        }
        let admission = Admission { config: &filter.config, consumer: &consumer, price: price.as_ref() };
        match property::get_u64(property::INPUT_TOKENS) {
            Some(tokens) => ask.input_tokens = tokens,
            None => {
                let profile = filter.config.catalog.profile(self.model.as_deref().unwrap_or_default());
                if !view.dialect.is_free() {
                    ask.input_tokens = match admission.count(&profile, call, &ask) {
                        Ok(tokens) => tokens,
                        Err(denied) => return self.denied(&denied),
                    };
                    filter.metrics.borrow().counted.add(1);
                }
                view.include_usage(call.body(), call.edits());
                let meter = UsageMeter::new(view, profile.tokenizer().clone(), ask.input_tokens);
                self.usage = UsageSource::Local(Box::new(meter));
            }
        }
        let estimate = admission.estimate(&ask);
        match quota.reserve(&SharedData, &consumer, millis(call.now_ns()), &estimate) {
            Ok(reservation) => self.reservation = Some(reservation),
            Err(Refusal::LimitExceeded(denied)) => return self.denied(&denied),
            Err(Refusal::Unavailable(why)) => {
                filter.metrics.borrow().unavailable.add(1);
                log_unavailable("reserved", &why);
                if filter.config.on_unavailable == OnUnavailable::Refuse {
                    return Verdict::Reply(Box::new(refusal::unavailable()));
                }
            }
        }
        Verdict::Continue
    }

    fn reads_response(&self) -> bool {
        matches!(self.usage, UsageSource::Local(_))
    }

    fn on_response_head(&mut self, head: &ResponseHead) -> BodyMode {
        if let Some(reservation) = &self.reservation {
            for (name, value) in ratelimit_headers(reservation.statuses()) {
                // The response is valid without these headers.
                let _ = head.headers().set(name, value);
            }
        }
        match self.usage.local_meter() {
            Some(meter) if head.is_success() && head.is_streamed() && meter.withholds() => BodyMode::Edit,
            Some(_) if head.is_success() => BodyMode::Observe,
            _ => BodyMode::Pass,
        }
    }

    fn on_response(&mut self, response: &mut Response<'_>) -> Verdict {
        if let Some(meter) = self.usage.local_meter() {
            meter.response(response.view(), response.body());
        }
        Verdict::Continue
    }

    fn on_event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> StreamAction {
        if !self.usage.local_meter().is_some_and(|meter| meter.event(event).withhold) {
            out.extend_from_slice(event.raw());
        }
        StreamAction::Continue
    }

    fn on_unscanned(&mut self, bytes: u64) {
        if let Some(meter) = self.usage.local_meter() {
            meter.mark_unreadable(bytes);
        }
    }

    fn on_progress(&mut self, now_ns: fn() -> u64, bytes: u64) {
        if let Some(meter) = self.usage.local_meter() {
            meter.add_unreadable(bytes);
        }
        let Some(reservation) = &mut self.reservation else { return };
        let now = millis(now_ns());
        if reservation.renew_at() <= now {
            // On failure the reservation is kept until its lease ends, and the next event tries again.
            let _ = self.filter.config.quota.renew(&SharedData, reservation, now);
        }
    }

    fn on_log(&mut self, end: &StreamEnd) {
        let tokens = self.usage.charged(end);
        // The provider may report another model than the requested one (an alias, a dated version): its price applies.
        let prices = &self.filter.config.prices;
        let served = self.usage.served_model();
        let price = served.and_then(|model| prices.find(&model).copied()).or_else(|| self.price());
        let cost = price.map(|price| price.cost(&tokens));
        let nano_usd = cost.unwrap_or_default();
        property::set(property::COST_NANO_USD, nano_usd.0.to_string());
        property::set(property::COST_MICRO_USD, nano_usd.micros().to_string());
        let mut metrics = self.filter.metrics.borrow_mut();
        if let (Some(model), Some(cost), true) = (&self.model, cost, end.was_served()) {
            // A name that no provider has answered to is the client's own: such names would fill the labels for good.
            metrics.cost(if end.succeeded { model } else { "none" }, cost);
        }
        let Some(reservation) = self.reservation.take() else { return };
        let requests = u64::from(end.reached_upstream());
        let actual = CallUsage { tokens: tokens.input.saturating_add(tokens.output), requests, nano_usd };
        if let Err(why) = self.filter.config.quota.settle(&SharedData, reservation, millis(end.now_ns), &actual) {
            metrics.unsettled.add(1);
            log_unavailable("settled", &why);
        }
    }
}

impl Payment {
    pub(crate) fn new(filter: Rc<CostQuota>) -> Payment {
        Payment { filter, model: None, usage: UsageSource::TokenCounter, reservation: None }
    }

    /// Returns the consumer of the call and publishes its name; `None` if it has none and must have one.
    fn consumer(&self, call: &Call<'_>) -> Option<Vec<u8>> {
        let Some(source) = &self.filter.config.consumer else {
            return Some(Vec::new());
        };
        let name = source.name(call)?;
        property::set(property::CONSUMER, &name);
        Some(name)
    }

    fn price(&self) -> Option<ModelPrice> {
        self.filter.config.price(self.model.as_deref()?).copied()
    }

    fn denied(&self, denied: &LimitExceeded) -> Verdict {
        self.filter.metrics.borrow().denied.add(1);
        Verdict::Reply(Box::new(refusal::over_budget(denied)))
    }
}

fn log_unavailable(what: &str, why: &impl std::fmt::Display) {
    tollgate_kit::warn(&format!("cost-quota: a call could not be {what}: {why}"));
}
