//! What a call would take, found out with no more counting than deciding takes.

use tollgate_kit::Call;
use tollgate_prices::{ModelPrice, NanoUsd};
use tollgate_quota::{CallUsage, Estimate, LimitExceeded, Refusal};
use tollgate_tokens::Profile;

use crate::config::Config;
use crate::millis;
use crate::store::SharedData;

/// Bodies from which on the budgets are asked before the prompt is counted. Of smaller ones there is little to spare, and
/// the refusal can say their exact number.
const LARGE: usize = 4 << 10;

/// Whom and what a call is admitted by.
pub(crate) struct Admission<'a> {
    pub(crate) config: &'a Config,
    pub(crate) consumer: &'a [u8],
    pub(crate) price: Option<&'a ModelPrice>,
}

impl Admission<'_> {
    /// The most that a call can take.
    pub(crate) fn estimate(&self, ask: &Estimate) -> CallUsage {
        let mut estimate = self.config.quota.worst_case(ask, self.price);
        if self.price.is_none() {
            // Nothing is known of its price, but it is not free: a budget that is used up does not let it pass.
            estimate.nano_usd = NanoUsd(1);
        }
        estimate
    }

    /// Counts the prompt of a call that is otherwise as `ask` says: to its end if it can be admitted, and else no further
    /// than to see that it cannot be.
    pub(crate) fn count(&self, profile: &Profile, call: &Call<'_>, ask: &Estimate) -> Result<u64, Box<LimitExceeded>> {
        let (view, body) = (call.view(), call.body());
        if body.len() >= LARGE {
            let now = millis(call.now_ns());
            let room = |input_tokens| {
                let least = self.estimate(&Estimate { input_tokens, ..*ask });
                self.config.quota.remaining(&SharedData, self.consumer, now, &least)
            };
            match room(profile.lower_bound(view)) {
                Err(Refusal::LimitExceeded(denied)) => return Err(denied),
                // The reservation will meet the same, and policy decides there.
                Err(Refusal::Unavailable(_)) => {}
                Ok(left) => {
                    let most = self.config.quota.max_input(&left, ask, self.price);
                    if let Some(count) = profile.count_at_most(view, body, most) {
                        return Ok(count.tokens);
                    }
                    if let Err(Refusal::LimitExceeded(denied)) = room(most.saturating_add(1)) {
                        return Err(denied);
                    }
                    // Something was given back meanwhile.
                }
            }
        }
        Ok(profile.count(view, body).tokens)
    }
}
