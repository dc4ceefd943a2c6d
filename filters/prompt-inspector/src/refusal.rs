//! Replies in place of a request or a response that must not pass.

use tollgate_inspect::{Action, Cause, Policy};
use tollgate_kit::LocalReply;

/// Returns the reply to a request, with the rule's status and message.
pub(crate) fn of_request(policy: &Policy, cause: Cause) -> LocalReply {
    let error = policy.refusal(cause);
    let details = match cause {
        Cause::Rule(rule) => {
            let rule = policy.rule(rule);
            debug_assert!(rule.is_some(), "a cause names a rule of its policy");
            rule.map(|rule| rule.id().to_owned()).unwrap_or_default()
        }
        Cause::Score => "score".to_owned(),
        _ => "uninspectable".to_owned(),
    };
    LocalReply::new(error.status, Action::Block.name(), error.message)
        .with_details(details)
        .with_code("content_policy_violation")
}

/// Returns the reply to a prompt of token ids that cannot be decoded.
pub(crate) fn token_ids() -> LocalReply {
    let message =
        "The prompt consists of token ids that this gateway cannot decode, so it cannot be inspected. Send the text.";
    LocalReply::new(400, "unscannable", message).with_code("token_ids_unscannable")
}

/// Returns the reply to a request that a guard could not judge.
pub(crate) fn unguarded(guard: &str) -> LocalReply {
    LocalReply::new(503, "unavailable", "A service that must judge this request is unavailable. Please try again.")
        .with_kind("server_error")
        .with_details(format!("guard.{guard}"))
        .with_code("guard_unavailable")
}

/// Returns the reply to a request whose tags could not be set.
pub(crate) fn untagged() -> LocalReply {
    LocalReply::new(500, "error", "The gateway could not tag this request.").with_kind("server_error")
}

/// Returns the reply in place of a response. A response that could not be inspected is the upstream's fault.
pub(crate) fn of_response(policy: &Policy, cause: Cause) -> LocalReply {
    match cause {
        Cause::Rule(_) | Cause::Score => of_request(policy, cause),
        _ => LocalReply::unreadable_response(),
    }
}
