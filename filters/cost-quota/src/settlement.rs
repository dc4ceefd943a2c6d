//! Settlement of a call at its end: its cost, and its usage in place of the reservation.

use tollgate_kit::{StreamEnd, property};
use tollgate_prices::{ModelPrice, NanoUsd, Quantities};
use tollgate_quota::{CallUsage, Estimate, OnAbandoned, Reservation, UnixMillis};
use tollgate_tokens::UsageRecord;

use crate::config::Served;
use crate::millis;
use crate::payment::{Payment, log_unavailable};
use crate::store::SharedData;
use crate::usage_source::{charged, has_failed, is_reported, priced_tier, used_tokens};

impl Payment {
    /// Returns the charge of a call whose usage is not seen, where that is what was reserved: the prompt as counted, and all
    /// output that the request permits. The client left before any output and the policy says so, or the response is
    /// produced in the background.
    pub(crate) fn unseen(&self, end: &StreamEnd, record: &UsageRecord) -> Option<CallUsage> {
        let quota = &self.filter.config.quota;
        let is_limited = self.reservation.as_ref().is_some_and(|reservation| !reservation.statuses().is_empty());
        if !is_limited || !end.was_served() {
            return None;
        }
        let input_tokens = record.usage.input;
        let has_left = quota.on_abandoned() == OnAbandoned::Reserved
            && used_tokens(&record.usage) <= input_tokens
            && end.was_abandoned();
        let goes_on = self.is_background() && !is_reported(record);
        if !(has_left || goes_on) || has_failed(record) {
            return None;
        }
        let estimate = Estimate { input_tokens, ..self.output? };
        Some(quota.worst_case(&estimate, self.price(None).as_ref()))
    }

    /// Publishes the cost of a call at its end, and replaces its reservation by what it used. `served_model`: the model
    /// that the provider reported.
    pub fn settle(&mut self, end: &StreamEnd, record: &UsageRecord, served_model: Option<&str>) {
        let record = if self.uses_requests_only { &UsageRecord::NOTHING } else { record };
        let unseen = self.unseen(end, record);
        let cost = self.price(served_model).map(|price| match &unseen {
            Some(reserved) => reserved.nano_usd,
            None => self.cost(end.was_served(), record, price),
        });
        let nano_usd = cost.unwrap_or_default();
        self.publish_cost(end, cost);
        let metrics = self.filter.metrics.borrow();
        let counter = if self.is_background() { metrics.background } else { metrics.abandoned };
        counter.add(u64::from(unseen.is_some()));
        drop(metrics);
        let Some(reservation) = self.reservation.take() else { return };
        let actual = match end.reached_upstream() {
            true => {
                unseen.unwrap_or(CallUsage { tokens: used_tokens(&record.usage), requests: self.requests, nano_usd })
            }
            false => CallUsage::ZERO,
        };
        self.replace(reservation, millis(end.now_ns), &actual);
    }

    /// Replaces a reservation by what was used.
    pub(crate) fn replace(&self, reservation: Reservation, now: UnixMillis, actual: &CallUsage) {
        match self.filter.config.quota.settle(&SharedData, reservation, now, actual) {
            Ok(lost_calls) => self.filter.metrics.borrow().unsettled.add(lost_calls),
            // Its lease will end, and is charged and counted then.
            Err(why) => log_unavailable("settled", &why),
        }
    }

    /// Publishes the cost of a call; `None` without a price.
    pub(crate) fn publish_cost(&self, end: &StreamEnd, cost: Option<NanoUsd>) {
        let nano_usd = cost.unwrap_or_default();
        property::set_number(property::COST_NANO_USD, nano_usd.0);
        property::set_number(property::COST_MICRO_USD, nano_usd.micros());
        if let (Some(model), Some(cost), true) = (&self.model, cost, end.was_served()) {
            // A name that no provider has answered to is the client's own: such names would fill the labels for good.
            self.filter.metrics.borrow_mut().cost(if end.succeeded { model } else { "none" }, cost);
        }
    }

    /// Returns the cost of a call, of which other models than the served one may have worked on parts.
    pub(crate) fn cost(&self, was_served: bool, record: &UsageRecord, price: ModelPrice) -> NanoUsd {
        let in_region = |mut price: ModelPrice| {
            if record.in_us {
                price.apply_uplift("us");
            }
            price
        };
        let price = in_region(price);
        let own = Quantities { requests: was_served.into(), ..charged(&record.own_usage(), &price) };
        let parts = record.by_model.iter().map(|(model, part)| {
            let found = self.filter.config.price(None, Served::Reported(Some(model)));
            let price = found.map_or_else(|| price.clone(), in_region);
            (charged(part, &price), price)
        });
        let parts: Vec<(Quantities, ModelPrice)> = parts.collect();
        let in_tier = |tier| {
            parts.iter().fold(price.cost(&own, tier), |cost, (part, price)| cost.saturating_add(price.cost(part, tier)))
        };
        let tiers = record.possible_tiers().map(|tier| tier.and_then(priced_tier));
        tiers.into_iter().map(in_tier).max().unwrap_or_default()
    }

    /// Returns the price of the call. The provider may report another model than the requested one (an alias, a dated version): its
    /// price applies, unless only the requested one has a price of the configuration.
    pub(crate) fn price(&self, served_model: Option<&str>) -> Option<ModelPrice> {
        let served = match self.is_served_by_vendor {
            true => Served::ByVendor(served_model),
            false => Served::Reported(served_model),
        };
        self.filter.config.price(self.model.as_deref(), served)
    }
}
