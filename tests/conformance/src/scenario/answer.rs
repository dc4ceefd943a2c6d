//! What an upstream answers.

use serde::Deserialize;

use super::Piece;

/// What an upstream answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers; `content-length` is added if `length` says so.
    pub headers: Vec<(String, String)>,
    /// The body, a frame at a time.
    pub body: Vec<Piece>,
    /// Whether a content-length is told. Unless said otherwise: if the body is one frame, without trailers.
    pub length: Option<bool>,
    /// Trailers.
    pub trailers: Vec<(String, String)>,
    /// gRPC: the body is messages, and the trailers have this status.
    pub grpc: Option<Grpc>,
    /// Milliseconds before the head.
    pub delay_ms: u64,
    /// It answers as soon as it has the request's head, and the client sends its body when it has seen the answer's.
    pub early: bool,
    /// It never answers.
    pub never: bool,
    /// It resets after so many frames; -1 is before the head.
    pub reset: Option<i32>,
    /// It sends nothing more after so many frames.
    pub stall: Option<usize>,
}

/// The end of a gRPC answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grpc {
    /// `grpc-status`
    pub status: u32,
    /// `grpc-message`
    #[serde(default)]
    pub message: String,
}

impl Default for Answer {
    fn default() -> Answer {
        Answer {
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

impl Answer {
    /// The frames of its body; of gRPC each with the five octets before it.
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

    /// The headers with `content-length` or gRPC's content type.
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

    /// Whether a content-length is told.
    pub fn has_length(&self) -> bool {
        let usual = self.body.len() == 1 && self.trailers.is_empty();
        self.grpc.is_none() && self.length.unwrap_or(usual || self.body.is_empty())
    }

    /// HTTP/1.1: whether the body comes in chunks. An empty one without a length is none at all, as of a 204.
    pub fn in_chunks(&self) -> bool {
        !self.has_length() && (!self.body.is_empty() || !self.trailers.is_empty())
    }

    /// The trailers with gRPC's status.
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
