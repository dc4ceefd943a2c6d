//! JSON-RPC messages: the calls in a request, and the texts of a response that have an author of their own.

use crate::view::request::Role;
use crate::{ApiError, Request, Span, Str};

/// JSON-RPC message of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpcMessage {
    /// Method; `None` for the response to a request of the server.
    pub method: Option<Str>,
    /// Id as written, a string with its quotes or a number; `None` for a notification.
    pub id: Option<Span>,
    /// Value of `params.name`: the tool of `tools/call`, the prompt of `prompts/get`.
    pub name: Option<Str>,
}

impl RpcMessage {
    /// Returns `true` for a call: a request that gets a response.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.method.is_some() && self.id.is_some()
    }

    /// Returns `true` if the message has this method.
    #[must_use]
    pub fn is(&self, body: &[u8], method: &str) -> bool {
        self.method.is_some_and(|own| own.is(body, method))
    }
}

impl Request {
    /// Returns the number of JSON-RPC calls in the request.
    #[must_use]
    pub fn rpc_calls(&self) -> usize {
        self.rpc.iter().filter(|message| message.is_call()).count()
    }

    /// Returns `true` for a JSON-RPC request that contains no call: notifications, responses of the client, or a stream of the
    /// server.
    #[must_use]
    pub fn lacks_calls(&self) -> bool {
        self.dialect.is_mcp() && self.rpc_calls() == 0
    }
}

/// Text of a JSON-RPC message from a server. Unlike the texts of a model, it arrives whole, even in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RpcText {
    /// Instructions of the server, and the system prompt of a request for sampling.
    System,
    /// Message of the user in a request for sampling.
    User,
    /// Message of the model in a request for sampling.
    Assistant,
    /// Definition of a tool, a prompt or a resource.
    Definition,
    /// Result of a tool, content of a resource, message of a prompt.
    Result,
    /// Result as an object, beside the same result as content.
    ResultCopy,
    /// Base64 data.
    Media,
}

impl RpcText {
    /// Returns the author.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            RpcText::System => Role::System,
            RpcText::User => Role::User,
            RpcText::Assistant => Role::Assistant,
            RpcText::Definition => Role::Tools,
            RpcText::Result | RpcText::ResultCopy | RpcText::Media => Role::Tool,
        }
    }

    /// Returns `true` if the text is not counted: it repeats another one, or is data.
    pub(crate) fn repeats(self) -> bool {
        matches!(self, RpcText::ResultCopy | RpcText::Media)
    }
}

/// Ids of the calls of a request, which an error must repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcCalls {
    /// Ids as written: valid JSON.
    ids: Box<[Box<[u8]>]>,
    is_batch: bool,
}

impl RpcCalls {
    /// Returns the calls of a request; `None` if it has none.
    #[must_use]
    pub fn of(request: &Request, body: &[u8]) -> Option<RpcCalls> {
        let ids = request.rpc.iter().filter(|message| message.is_call()).filter_map(|message| message.id);
        let ids: Box<[Box<[u8]>]> = ids.map(|id| id.of(body).into()).collect();
        (!ids.is_empty()).then_some(RpcCalls { ids, is_batch: request.is_rpc_batch })
    }

    /// Returns the messages that answer the calls with an error: one, or an array of them for a batch.
    #[must_use]
    pub fn error_body(&self, error: &ApiError<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(error, &mut out);
        out
    }

    pub(crate) fn write(&self, error: &ApiError<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.is_batch { b"[" } else { b"" });
        for (at, id) in self.ids.iter().enumerate() {
            out.extend_from_slice(if at > 0 { b"," } else { b"" });
            crate::dialect::mcp::write_error(error, id, out);
        }
        out.extend_from_slice(if self.is_batch { b"]" } else { b"" });
    }
}
