//! Output limits that are imposed on requests without one: what the budgets of the consumer leave.

use std::cell::Cell;

use tollgate_kit::{Call, LocalReply, Verdict};
use tollgate_quota::{Estimate, OutputCap, Refusal, Reservation, Store, Unit};

use crate::admission::Admission;
use crate::millis;
use crate::store::SharedData;

/// Output limit to impose on a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputLimit {
    /// Smallest limit that the API accepts.
    least: u64,
    /// Largest useful limit: the model's own maximum, or that of the configuration.
    most: u64,
    /// `true` if `most` is the model's own maximum, which need not be written into the request.
    is_own: bool,
}

impl OutputLimit {
    /// Returns the limit to impose on `call`; `None` if the configuration imposes none, the request sets one, or its API has
    /// no member for it.
    pub(crate) fn of(call: &Call<'_>, admission: &Admission<'_>) -> Option<OutputLimit> {
        let (view, quota) = (call.view(), &admission.config.quota);
        let is_limited = quota.budgets(admission.consumer).iter().any(|budget| budget.unit() != Unit::Requests);
        let imposes = quota.output_cap() == OutputCap::Impose && !admission.config.is_audit;
        if !imposes || !is_limited || view.dialect.is_free() {
            return None;
        }
        let least = view.least_output_cap(call.body())?;
        let own = admission.price.and_then(|price| price.max_output_tokens);
        let most = own.or(quota.max_output_tokens()).unwrap_or(u64::MAX);
        Some(OutputLimit { least, most, is_own: own.is_some() })
    }

    /// Returns the estimate of the call with the smallest limit.
    pub(crate) fn at_least(&self, estimate: &Estimate) -> Estimate {
        Estimate { max_output_tokens: Some(self.least), ..*estimate }
    }

    /// Returns `true` if no response exceeds the reservation of a call without a limit.
    pub(crate) fn is_own(&self) -> bool {
        self.is_own
    }

    /// Reserves the call with the largest limit that the budgets afford. Returns the limit, too.
    pub(crate) fn reserve(
        &self,
        admission: &Admission<'_>,
        call: &Call<'_>,
        estimate: &Estimate,
    ) -> Result<(Reservation, u64), Refusal<<SharedData as Store>::Error>> {
        let (quota, chosen) = (&admission.config.quota, Cell::new(0));
        let reservation = quota.reserve_of(&SharedData, admission.consumer, millis(call.now_ns()), |remaining| {
            let affordable = quota.max_output(remaining, estimate, admission.price);
            chosen.set(affordable.min(self.most).max(self.least));
            admission.claim(&Estimate { max_output_tokens: Some(chosen.get()), ..*estimate })
        })?;
        Ok((reservation, chosen.get()))
    }

    /// Writes the limit into the request, unless the model's own maximum is not above it.
    pub(crate) fn impose(&self, tokens: u64, call: &mut Call<'_>) -> Verdict {
        if tokens == u64::MAX || self.is_own && tokens >= self.most {
            return Verdict::Continue;
        }
        match call.view().cap_output(call.body(), tokens, call.edits()) {
            Ok(()) => Verdict::Continue,
            Err(error) => {
                tollgate_kit::warn(&format!("cost-quota: output limit not set: {error}"));
                let message = "The gateway could not limit the output of this request.";
                Verdict::Reply(Box::new(LocalReply::new(500, "error", message).with_kind("server_error")))
            }
        }
    }
}
