//! Local replies to calls that are not admitted. The text of the 429 is `tollgate_quota::LimitExceeded::message`.

use tollgate_kit::LocalReply;
use tollgate_quota::LimitExceeded;

/// Returns the 429 that names the exhausted budget, its limit, its use and the time to retry. A call that never fits gets
/// `oversized` as its status.
pub(crate) fn over_budget(exceeded: &LimitExceeded, oversized: u16) -> LocalReply {
    let status = if exceeded.never_fits { oversized } else { LimitExceeded::STATUS };
    let headers = exceeded.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    LocalReply::new(status, "limited", exceeded.message())
        .with_details(exceeded.budget.to_string())
        .with_kind(exceeded.kind())
        .with_code(exceeded.code())
        .with_headers(headers)
}

/// Returns the 401 for a call without a consumer.
pub(crate) fn unidentified() -> LocalReply {
    LocalReply::new(401, "unidentified", "The caller of this request could not be identified.")
        .with_code("consumer_missing")
}

/// Returns the 403 for a model without a price, where policy requires one.
pub(crate) fn unpriced() -> LocalReply {
    LocalReply::new(403, "unpriced", "This model has no price, and the caller's budget is in US dollars.")
        .with_param("model")
        .with_code("model_unpriced")
}

/// Returns the 400 for a call whose response is produced in the background, where policy refuses such calls.
pub(crate) fn background() -> LocalReply {
    let message = "This gateway limits usage, and does not see that of a response that is produced in the background. Send \
                   the request without `background`.";
    LocalReply::new(400, "unbounded", message).with_param("background").with_code("background_refused")
}

/// Returns the 503 for a call whose budgets could not be read or written.
pub(crate) fn unavailable() -> LocalReply {
    LocalReply::new(503, "unavailable", "The quota store is unavailable. Please try again.")
        .with_kind("server_error")
        .with_headers(vec![("retry-after".to_owned(), "1".to_owned())])
}
