//! Response of an upstream.

use serde::Deserialize;

use super::Piece;

/// Response of an upstream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedResponse {
    /// Status code.
    pub status: u16,
    /// Headers; `content-length` is added if `length` says so.
    pub headers: Vec<(String, String)>,
    /// Body in frames.
    pub body: Vec<Piece>,
    /// `true` to send a content-length. Default: if the body is one frame, without trailers.
    pub length: Option<bool>,
    /// Trailers.
    pub trailers: Vec<(String, String)>,
    /// gRPC: the frames of the body are messages, and the trailers have this status.
    pub grpc: Option<Grpc>,
    /// Milliseconds before the head.
    pub delay_ms: u64,
    /// The upstream responds as soon as it has the head of the request; the client sends its body once it has seen the response.
    pub early: bool,
    /// The upstream never responds.
    pub never: bool,
    /// Number of frames after which the upstream resets; -1 resets before the head.
    pub reset: Option<i32>,
    /// Number of frames after which the upstream stops sending.
    pub stall: Option<usize>,
}

/// End of a gRPC response.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grpc {
    /// Value of `grpc-status`.
    pub status: u32,
    /// Value of `grpc-message`.
    #[serde(default)]
    pub message: String,
}

impl Default for ScriptedResponse {
    fn default() -> ScriptedResponse {
        ScriptedResponse {
            status: 200,
            headers: Vec::new(),
            body: vec![Piece::Text("hello".into())],
            length: None,
            trailers: Vec::new(),
            grpc: None,
            delay_ms: 0,
            early: false,
            never: false,
            reset: None,
            stall: None,
        }
    }
}

impl ScriptedResponse {
    /// Returns the frames of the body; for gRPC, each with its five-byte prefix.
    pub fn frames(&self) -> Vec<Vec<u8>> {
        let frames = self.body.iter().map(Piece::bytes);
        match self.grpc {
            None => frames.collect(),
            Some(_) => frames
                .map(|message| {
                    let size = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
                    [[0].as_slice(), &size, &message].concat()
                })
                .collect(),
        }
    }

    /// Returns the headers with `content-length`, which is last, or gRPC's content type.
    pub fn all_headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        if self.grpc.is_some() {
            headers.push(("content-type".into(), "application/grpc".into()));
        } else if self.has_length() {
            let size: usize = self.body.iter().map(|piece| piece.bytes().len()).sum();
            headers.push(("content-length".into(), size.to_string()));
        }
        headers
    }

    /// Returns `true` if the response has a content-length.
    pub fn has_length(&self) -> bool {
        let usual = self.body.len() == 1 && self.trailers.is_empty();
        self.grpc.is_none() && self.length.unwrap_or(usual || self.body.is_empty())
    }

    /// Returns `true` if the body comes in chunks on HTTP/1.1. An empty one without a length is no body, as for a 204.
    pub fn in_chunks(&self) -> bool {
        !self.has_length() && (!self.body.is_empty() || !self.trailers.is_empty())
    }

    /// Returns the trailers, with gRPC's status.
    pub fn all_trailers(&self) -> Vec<(String, String)> {
        let mut trailers = self.trailers.clone();
        if let Some(grpc) = &self.grpc {
            trailers.push(("grpc-status".into(), grpc.status.to_string()));
            if !grpc.message.is_empty() {
                trailers.push(("grpc-message".into(), grpc.message.clone()));
            }
        }
        trailers
    }
}
