//! Bodies that cannot be read: the reasons, and the one place that decides what happens to such a body.

use tollgate_llm::UnreadKind;

use crate::filter::BodyMode;
use crate::local_reply::LocalReply;
use crate::{Limits, OnUnscannable};

/// Reason why a body, or a part of it, cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The path is not that of a known LLM API.
    Path,
    /// The path is that of an LLM API, and is not read.
    UnreadPath,
    /// The request is not well-formed.
    Malformed,
    RequestTooLarge,
    /// The request has an unsupported content-encoding or charset, or does not decode.
    RequestEncoding,
    /// The request's content-type is not JSON.
    RequestType,
    /// Files of a form, which are not read.
    RequestForm,
    /// Uploaded file that is no text. It has the name of the former.
    File,
    ResponseMalformed,
    ResponseTooLarge,
    /// The response has an unsupported content-encoding, or does not decode.
    ResponseEncoding,
    /// A held stream stopped decoding. It can leave only decoded, so there is nothing that could pass.
    ResponseUndecodable,
    /// The response's content-type is not one of the API's.
    ResponseType,
    /// The API's response has no text (speech).
    ResponseTextless,
    /// The request refers to content outside of it. A policy on references decides about it, not the limits.
    Reference,
}

/// Fate of a body that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// The client gets an error instead.
    Refuse,
    /// The body passes; `tollgate.unscanned` and a metric report it.
    Pass,
}

impl Unreadable {
    /// Names of all reasons, in metrics and in `tollgate.unscanned`.
    pub(crate) const NAMES: [&'static str; 13] = [
        "unknown_path",
        "request_malformed",
        "request_too_large",
        "request_encoding",
        "request_type",
        "request_form",
        "response_malformed",
        "response_too_large",
        "response_encoding",
        "response_type",
        "response_textless",
        "reference",
        "unread_path",
    ];

    fn index(self) -> usize {
        match self {
            Unreadable::Path => 0,
            Unreadable::Malformed => 1,
            Unreadable::RequestTooLarge => 2,
            Unreadable::RequestEncoding => 3,
            Unreadable::RequestType => 4,
            Unreadable::RequestForm | Unreadable::File => 5,
            Unreadable::ResponseMalformed => 6,
            Unreadable::ResponseTooLarge => 7,
            Unreadable::ResponseEncoding | Unreadable::ResponseUndecodable => 8,
            Unreadable::ResponseType => 9,
            Unreadable::ResponseTextless => 10,
            Unreadable::Reference => 11,
            Unreadable::UnreadPath => 12,
        }
    }

    /// Returns the reason's name in metrics and properties.
    pub(crate) fn name(self) -> &'static str {
        debug_assert!(self.index() < Self::NAMES.len(), "every reason has a name");
        Self::NAMES.get(self.index()).copied().unwrap_or("other")
    }

    /// Decides what happens to the body. Requests are read under [`BodyMode::Enforce`], responses under the mode that the
    /// exchange asked for.
    pub(crate) fn disposition(self, limits: &Limits, mode: BodyMode) -> Disposition {
        let policy = match self {
            Unreadable::Path => limits.on_unknown_path,
            Unreadable::UnreadPath => limits.on_unread_path,
            Unreadable::RequestForm | Unreadable::Reference => OnUnscannable::Pass,
            Unreadable::ResponseTextless => limits.on_textless_answer,
            Unreadable::ResponseUndecodable => return Disposition::Refuse,
            _ => limits.on_unscannable,
        };
        match policy {
            OnUnscannable::Refuse if mode == BodyMode::Enforce => Disposition::Refuse,
            _ => Disposition::Pass,
        }
    }
}

/// Request body that cannot be read, and the reply if it is refused.
#[derive(Debug)]
pub(crate) struct UnreadableRequest {
    pub(crate) reason: Unreadable,
    pub(crate) reply: LocalReply,
}

impl UnreadableRequest {
    /// Request with a body on a path that is not that of a known LLM API.
    #[cold]
    pub(crate) fn unknown_path() -> UnreadableRequest {
        let reply = LocalReply::new(404, "unknown_path", "This gateway does not know this path.");
        UnreadableRequest { reason: Unreadable::Path, reply: reply.with_code("unknown_url") }
    }

    /// WebSocket to a model.
    #[cold]
    pub(crate) fn websocket() -> UnreadableRequest {
        let message = "This gateway does not serve WebSockets to models. Send the request over HTTP.";
        let reply = LocalReply::new(426, "unknown_path", message);
        UnreadableRequest { reason: Unreadable::Path, reply: reply.with_code("websocket_not_supported") }
    }

    /// Request on a path of an LLM API that is not read.
    #[cold]
    pub(crate) fn unread_path(kind: UnreadKind) -> UnreadableRequest {
        let message = match kind {
            UnreadKind::Unlisted => {
                "This gateway does not know this path of an LLM API and does not forward it unread. `limits.on_unread_path: pass` \
                 in its policy forwards such requests; `limits.paths` tells it where LLM APIs are."
            }
            _ => {
                "This gateway does not read this API and does not forward its requests unread. `limits.on_unread_path: pass` in \
                 its policy forwards them."
            }
        };
        let reply = LocalReply::new(404, "unread_path", message);
        UnreadableRequest { reason: Unreadable::UnreadPath, reply: reply.with_code("unread_path") }
    }

    /// Path with an escaped slash, which receivers interpret differently.
    #[cold]
    pub(crate) fn escaped_slash() -> UnreadableRequest {
        let message =
            "This gateway accepts an escaped slash (%2F, %5C) in the path only in the model of a Bedrock call.";
        let reply = LocalReply::new(400, "malformed", message).with_code("invalid_path");
        UnreadableRequest { reason: Unreadable::Malformed, reply }
    }

    /// Batch, or file for one, where a budget applies.
    #[cold]
    pub(crate) fn batch() -> UnreadableRequest {
        UnreadableRequest { reason: Unreadable::Path, reply: LocalReply::unmetered() }
    }

    /// Body above `limit` bytes.
    #[cold]
    pub(crate) fn too_large(limit: usize) -> UnreadableRequest {
        let message = format!("The request body is larger than this gateway accepts ({limit} bytes).");
        let reply = LocalReply::new(413, "too_large", message).with_code("request_too_large");
        UnreadableRequest { reason: Unreadable::RequestTooLarge, reply }
    }

    /// Body that is not well-formed. The error describes the defect and quotes nothing of the body.
    #[cold]
    pub(crate) fn malformed(error: &dyn std::fmt::Display) -> UnreadableRequest {
        let message = format!("The request body cannot be read: {error}.");
        UnreadableRequest { reason: Unreadable::Malformed, reply: LocalReply::new(400, "malformed", message) }
    }

    /// Body that does not decode by its content-encoding.
    #[cold]
    pub(crate) fn undecodable(error: &dyn std::fmt::Display) -> UnreadableRequest {
        UnreadableRequest { reason: Unreadable::RequestEncoding, ..UnreadableRequest::malformed(error) }
    }

    /// Body in a content-encoding or charset that is not supported.
    #[cold]
    pub(crate) fn unsupported_encoding(message: &str) -> UnreadableRequest {
        UnreadableRequest { reason: Unreadable::RequestEncoding, reply: LocalReply::new(415, "unscannable", message) }
    }

    /// Uploaded file that is no text.
    #[cold]
    pub(crate) fn unread_file() -> UnreadableRequest {
        let message = "This gateway reads uploaded files that are texts in UTF-8, and does not forward others unread.";
        UnreadableRequest { reason: Unreadable::File, reply: LocalReply::new(415, "unscannable", message) }
    }

    /// Body with a content-type that is not supported.
    #[cold]
    pub(crate) fn unsupported_type() -> UnreadableRequest {
        let message = "This gateway reads JSON here: send the body with content-type application/json.";
        UnreadableRequest { reason: Unreadable::RequestType, reply: LocalReply::new(415, "unscannable", message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request of another type is refused; where it is not, its body is read all the same.
    #[test]
    fn every_reason_has_a_scenario_in_which_it_is_reported() {
        const SCENARIOS: &str = include_str!("../../../tests/scenarios/unscanned.test.yaml");
        let own = ["response_texts", "request_texts", "request_token_ids"];
        for reason in Unreadable::NAMES.into_iter().chain(own).filter(|reason| *reason != "request_type") {
            assert!(SCENARIOS.contains(&format!("tollgate.unscanned: {reason}}}")), "no scenario for {reason}");
        }
    }

    #[test]
    fn only_enforced_bodies_are_refused() {
        let strict = Limits { on_textless_answer: OnUnscannable::Refuse, ..Limits::default() };
        let lax = Limits { on_unscannable: OnUnscannable::Pass, ..Limits::default() };
        for (reason, limits, mode, want) in [
            (Unreadable::Malformed, &strict, BodyMode::Enforce, Disposition::Refuse),
            (Unreadable::Malformed, &lax, BodyMode::Enforce, Disposition::Pass),
            (Unreadable::Path, &strict, BodyMode::Enforce, Disposition::Pass),
            (Unreadable::UnreadPath, &strict, BodyMode::Enforce, Disposition::Refuse),
            (Unreadable::RequestForm, &strict, BodyMode::Enforce, Disposition::Pass),
            (Unreadable::File, &strict, BodyMode::Enforce, Disposition::Refuse),
            (Unreadable::File, &lax, BodyMode::Enforce, Disposition::Pass),
            (Unreadable::ResponseMalformed, &strict, BodyMode::Enforce, Disposition::Refuse),
            (Unreadable::ResponseMalformed, &strict, BodyMode::Edit, Disposition::Pass),
            (Unreadable::ResponseMalformed, &strict, BodyMode::Observe, Disposition::Pass),
            (Unreadable::ResponseTextless, &strict, BodyMode::Enforce, Disposition::Refuse),
            (Unreadable::ResponseTextless, &Limits::default(), BodyMode::Enforce, Disposition::Pass),
            (Unreadable::ResponseUndecodable, &lax, BodyMode::Edit, Disposition::Refuse),
        ] {
            assert_eq!(reason.disposition(limits, mode), want, "{reason:?} {mode:?}");
        }
    }
}
