//! What a caller is told whose call does not pass.

use tollgate_kit::Reply;
use tollgate_quota::LimitExceeded;

/// 429: which budget, its limit, what is used, and when to come back.
pub(crate) fn over_budget(denied: &LimitExceeded) -> Reply {
    Reply {
        details: denied.budget.to_string(),
        kind: denied.kind(),
        code: Some(denied.code()),
        headers: denied.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Reply::invalid_request(LimitExceeded::STATUS, "limited", denied.message())
    }
}

/// 401: the call has no consumer.
pub(crate) fn unidentified() -> Reply {
    Reply::invalid_request(401, "unidentified", "The gateway does not know who is calling.")
        .with_code("consumer_missing")
}

/// 403: the model has no price, and policy does not let such calls pass.
pub(crate) fn unpriced() -> Reply {
    let message = "The gateway knows no price for this model, and the caller's budget is in money.";
    Reply { param: Some("model"), ..Reply::invalid_request(403, "unpriced", message).with_code("model_unpriced") }
}

/// 503: the quota store is unavailable.
pub(crate) fn unavailable() -> Reply {
    let message = "The quota store is unavailable. Please try again.";
    let headers = vec![("retry-after".to_owned(), "1".to_owned())];
    Reply { kind: "server_error", headers, ..Reply::invalid_request(503, "unavailable", message) }
}
