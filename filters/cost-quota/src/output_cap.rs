//! Output limits that are imposed on requests without one: what the budgets of the consumer leave.

use std::cell::Cell;

use tollgate_kit::{Call, LocalReply, Verdict};
use tollgate_quota::{Estimate, ImposedLimit, Refusal, Reservation, Store};

use crate::admission::Admission;
use crate::millis;
use crate::store::SharedData;

/// Returns the limit to impose on `call`; `None` if the configuration imposes none, the request sets one, or its API has no
/// member for it.
pub(crate) fn imposed(call: &Call<'_>, admission: &Admission<'_>) -> Option<ImposedLimit> {
    let view = call.view();
    if admission.config.is_audit || view.dialect.is_free() {
        return None;
    }
    let least = view.least_output_cap(call.body())?;
    admission.config.quota.imposed_limit(admission.consumer, admission.price, least)
}

/// Reserves a call with the largest limit that the budgets afford. Returns the limit, too.
pub(crate) fn reserve(
    imposed: &ImposedLimit,
    admission: &Admission<'_>,
    call: &Call<'_>,
    estimate: &Estimate,
) -> Result<(Reservation, u64), Refusal<<SharedData as Store>::Error>> {
    let (quota, limit) = (&admission.config.quota, Cell::new(0));
    let reservation = quota.reserve_of(&SharedData, admission.consumer, millis(call.now_ns()), |remaining| {
        limit.set(imposed.affordable(quota, remaining, estimate, admission.price));
        admission.claim(&Estimate { max_output_tokens: Some(limit.get()), ..*estimate })
    })?;
    Ok((reservation, limit.get()))
}

/// Writes a limit into the request to `model`, unless it holds anyway.
pub(crate) fn write(imposed: &ImposedLimit, limit: u64, model: &str, call: &mut Call<'_>) -> Verdict {
    if !imposed.is_written(limit) {
        return Verdict::Continue;
    }
    match call.view().cap_output(call.body(), model, limit, call.edits()) {
        Ok(()) => Verdict::Continue,
        Err(error) => {
            tollgate_kit::warn(&format!("cost-quota: output limit not set: {error}"));
            let message = "The gateway could not limit the output of this request.";
            Verdict::Reply(Box::new(LocalReply::new(500, "error", message).with_kind("server_error")))
        }
    }
}
