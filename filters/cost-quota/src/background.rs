//! Responses that are produced in the background: the reservation of such a call is held under the id of its response, and
//! settled by the call of the same consumer that fetches the finished response.

use tollgate_kit::{Call, StreamEnd, property};
use tollgate_llm::{Request, ResponseState, ServiceTier};
use tollgate_quota::{CallUsage, HeldCall, OnBackground};
use tollgate_tokens::{MeteredPrompt, UsageMeter, UsageRecord};

use crate::millis;
use crate::payment::{Payment, log_unavailable};
use crate::store::SharedData;
use crate::usage_source::{has_failed, is_reported, used_tokens};

/// Part of a call in a response that is produced in the background.
#[derive(Debug, Default)]
pub(crate) enum Background {
    /// None.
    #[default]
    Foreground,
    /// The call starts the response. Its id, once it is known.
    Start(Option<Box<str>>),
    /// The call fetches a response whose reservation is held.
    Fetch {
        /// Id of the response, by the path.
        id: Box<str>,
        /// `true` once a response with that id is final.
        is_final: bool,
    },
}

impl Payment {
    /// Returns `true` if the call starts a response that is produced in the background.
    pub fn is_background(&self) -> bool {
        matches!(self.background, Background::Start(_))
    }

    /// Returns `true` if the call fetches a response whose reservation is held.
    pub fn is_fetch(&self) -> bool {
        matches!(self.background, Background::Fetch { .. })
    }

    /// Returns `true` if [`read_state`](Self::read_state) is needed.
    pub(crate) fn reads_state(&self) -> bool {
        match &self.background {
            Background::Foreground | Background::Start(Some(_)) | Background::Fetch { is_final: true, .. } => false,
            Background::Start(None) => self.filter.config.quota.on_background() == OnBackground::Hold,
            Background::Fetch { .. } => true,
        }
    }

    /// Reads the id and the state of a response from its body, or from an event.
    pub fn read_state(&mut self, data: &[u8]) {
        if !self.reads_state() {
            return;
        }
        match &mut self.background {
            Background::Foreground => {}
            Background::Start(id) => *id = ResponseState::read(data).map(|state| state.id),
            // The upstream may understand the path in another way: the response itself says which one it is.
            Background::Fetch { id, is_final } => {
                *is_final |= ResponseState::read(data).is_some_and(|state| state.is_final && state.id == *id);
            }
        }
    }

    /// Prepares the settlement of a held call by the response that `call` fetches, and returns the meter of that response.
    /// `None`: the consumer has no held call with such a response.
    pub fn fetch(&mut self, call: &Call<'_>, consumer: Vec<u8>) -> Option<UsageMeter> {
        let config = &self.filter.config;
        let id = call.view().response_id.as_deref()?;
        let held = match config.quota.held(&SharedData, &consumer, millis(call.now_ns()), id) {
            Ok(held) => held?,
            Err(why) => {
                log_unavailable("fetched", &why);
                return None;
            }
        };
        let mut request: Request = call.view().clone();
        request.max_output_tokens = held.max_output_tokens;
        request.service_tier = held.service_tier.and_then(|tier| ServiceTier::from_reported(tier.name()));
        let tokenizer = config.catalog.profile(&held.model).tokenizer().clone();
        self.consumer = consumer;
        self.background = Background::Fetch { id: id.into(), is_final: false };
        self.model = Some(held.model).filter(|model| !model.is_empty());
        Some(UsageMeter::new(&request, tokenizer, MeteredPrompt::Counted(held.input_tokens)))
    }

    /// Holds the reservation of a call whose response is produced in the background, at the end of its stream. Returns
    /// `false` if there is nothing to hold, and the call has to be settled.
    pub fn hold(&mut self, end: &StreamEnd, record: &UsageRecord) -> bool {
        let quota = &self.filter.config.quota;
        if !self.is_background() || quota.on_background() != OnBackground::Hold {
            return false;
        }
        let (Some(most), Background::Start(Some(id))) = (self.unseen(end, record), &self.background) else {
            return false;
        };
        let Some(reservation) = self.reservation.take() else { return false };
        let call = HeldCall {
            model: self.model.clone().unwrap_or_default(),
            input_tokens: record.usage.input,
            max_output_tokens: self.output.and_then(|output| output.max_output_tokens),
            service_tier: self.output.and_then(|output| output.service_tier),
        };
        let now = millis(end.now_ns);
        match quota.hold(&SharedData, &self.consumer, now, (reservation, &most), (id, call)) {
            Ok(hold) => {
                self.filter.metrics.borrow().unsettled.add(hold.lost_calls);
                self.reservation = hold.returned;
            }
            // Its lease will end, and is charged then.
            Err(why) => log_unavailable("held", &why),
        }
        let is_held = self.reservation.is_none();
        if is_held {
            // The call that fetches the response publishes its usage.
            property::set_zero_usage();
        }
        is_held
    }

    /// Settles the held call whose response this call has fetched, if it is finished. Returns `false` if nothing is charged:
    /// the response is not finished or reports no usage, or the call has been settled before.
    pub fn settle_fetched(&mut self, end: &StreamEnd, record: &UsageRecord, served_model: Option<&str>) -> bool {
        let Background::Fetch { id, is_final } = &self.background else { return false };
        let (quota, now) = (&self.filter.config.quota, millis(end.now_ns));
        if !end.succeeded {
            return false;
        }
        if !is_final {
            match quota.renew_held(&SharedData, &self.consumer, now, id) {
                Ok(lost_calls) => self.filter.metrics.borrow().unsettled.add(lost_calls),
                Err(why) => log_unavailable("renewed", &why),
            }
            return false;
        }
        // A response that failed and has no output was not charged by the provider.
        if !(is_reported(record) || has_failed(record)) {
            return false;
        }
        let reservation = match quota.take_held(&SharedData, &self.consumer, now, id) {
            Ok(Some(reservation)) => reservation,
            Ok(None) => return false,
            Err(why) => {
                log_unavailable("settled", &why);
                return false;
            }
        };
        let cost = self.price(served_model).map(|price| self.cost(true, record, price));
        let nano_usd = cost.unwrap_or_default();
        let actual = CallUsage { tokens: used_tokens(&record.usage), requests: 0, nano_usd };
        self.replace(reservation, now, &actual);
        if let Some(model) = &self.model {
            property::set_name(property::MODEL, model);
        }
        self.publish_cost(end, cost);
        true
    }
}
