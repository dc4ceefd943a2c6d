//! A way of sending the requests and responses of a test: framing, pieces and trailers.

use std::fmt;

use crate::plan::Exchange;

/// HTTP version, which decides how messages end on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Framing {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
}

/// Offsets at which a body is cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum BodySplit {
    /// Not cut.
    #[default]
    Whole,
    /// Between any two bytes.
    Bytes,
    /// After every event.
    Events,
    /// At the cut point of this number around matches.
    Match(usize),
    /// At these offsets.
    At(Vec<usize>),
}

/// One way of sending all requests and responses of a test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// HTTP version on both sides of the gateway.
    pub framing: Framing,
    /// Cuts of request bodies.
    pub request: BodySplit,
    /// Cuts of response bodies.
    pub response: BodySplit,
    /// `true` if [`TRAILER`] is added to requests.
    pub request_trailers: bool,
    /// `true` if [`TRAILER`] is added to responses.
    pub response_trailers: bool,
    /// `true` if bodies have no content-length and end with an empty frame.
    pub empty_last: bool,
    /// Number (from 0) of the only exchange that is delivered this way; all others are sent whole.
    pub only: Option<usize>,
}

/// Trailer that a delivery adds.
pub const TRAILER: &str = "tollgate-test-trailer";

/// Most pieces that a body is cut into.
const MAX_PIECES: usize = 16_384;

/// Offsets at which the bodies of an exchange are cut around matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutPoints {
    /// Around matches in the request.
    pub request: Vec<usize>,
    /// Around matches in the response.
    pub response: Vec<usize>,
}

/// Frames of one message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frames {
    /// Offsets at which the body is cut, ascending, without 0 and the length of the body.
    pub cuts: Vec<usize>,
    /// `true` if the message has a content-length.
    pub sized: bool,
    /// `true` if [`TRAILER`] is added.
    pub trailers: bool,
    /// `true` if an empty last frame is added.
    pub empty_last: bool,
}

impl Frames {
    /// Splits a body into its pieces.
    pub fn of<'a>(&self, body: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::with_capacity(self.cuts.len() + 1);
        let mut at = 0;
        for &cut in self.cuts.iter().chain([&body.len()]) {
            if let Some(piece) = body.get(at..cut)
                && !piece.is_empty()
            {
                pieces.push(piece);
                at = cut;
            }
        }
        pieces
    }
}

/// A request or a response to be cut into frames.
#[derive(Clone, Copy)]
struct Message<'a> {
    /// Number of the exchange, from 0.
    number: usize,
    body: &'a [u8],
    cut: &'a BodySplit,
    cut_points: &'a [usize],
    /// `true` if the test file gives the message trailers.
    own_trailers: bool,
    /// `true` if the delivery adds [`TRAILER`].
    add_trailer: bool,
}

impl Delivery {
    /// Returns the frames of a request.
    pub fn request(&self, number: usize, exchange: &Exchange, cut_points: &CutPoints) -> Frames {
        let body = exchange.request.body.as_deref().unwrap_or_default();
        self.frames(&Message {
            number,
            body,
            cut: &self.request,
            cut_points: &cut_points.request,
            own_trailers: !exchange.request.trailers.is_empty(),
            add_trailer: self.request_trailers,
        })
    }

    /// Returns the frames of a response with this body.
    pub fn response(&self, number: usize, exchange: &Exchange, body: &[u8], cut_points: &CutPoints) -> Frames {
        // A client that leaves after a number of events needs one frame per event.
        let cut = if exchange.request.leave_after.is_some() { &BodySplit::Events } else { &self.response };
        let frames = self.frames(&Message {
            number,
            body,
            cut,
            cut_points: &cut_points.response,
            own_trailers: !exchange.response.trailers.is_empty(),
            add_trailer: self.response_trailers,
        });
        Frames { sized: frames.sized && !exchange.response.is_stream, ..frames }
    }

    fn frames(&self, message: &Message<'_>) -> Frames {
        let Message { number, body, cut, cut_points, own_trailers, add_trailer } = *message;
        let here = self.only.is_none_or(|only| only == number);
        let mut cuts = match if here || *cut == BodySplit::Events { cut } else { &BodySplit::Whole } {
            BodySplit::Whole => Vec::new(),
            BodySplit::Bytes => (1..body.len()).step_by(body.len().div_ceil(MAX_PIECES).max(1)).collect(),
            BodySplit::Events => crate::cut_points::events(body),
            BodySplit::Match(number) => cut_points.get(*number).copied().into_iter().collect(),
            BodySplit::At(cuts) => cuts.clone(),
        };
        cuts.retain(|&cut| cut > 0 && cut < body.len());
        let trailers = add_trailer && here;
        // HTTP/1 ends every body of unknown length with an empty chunk anyway.
        let unsized_whole = self.empty_last && here;
        let empty_last = unsized_whole && !body.is_empty() && self.framing == Framing::Http2;
        let sized = !own_trailers && !trailers && !unsized_whole && (cuts.is_empty() || self.framing == Framing::Http1);
        Frames { cuts, sized, trailers, empty_last }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.framing {
            Framing::Http1 => "HTTP/1",
            Framing::Http2 => "HTTP/2",
        })?;
        if self.request == BodySplit::Whole && self.response == BodySplit::Whole {
            f.write_str(", whole")?;
        }
        for (what, cut) in [("request", &self.request), ("response", &self.response)] {
            match cut {
                BodySplit::Whole => {}
                BodySplit::Bytes => write!(f, ", {what} byte by byte")?,
                BodySplit::Events => write!(f, ", {what} event by event")?,
                BodySplit::Match(number) => write!(f, ", {what} cut at a match (place {})", number + 1)?,
                BodySplit::At(cuts) => write!(f, ", {what} cut at {}", offsets(cuts))?,
            }
        }
        for (there, text) in [
            (self.request_trailers, ", request with trailers"),
            (self.response_trailers, ", response with trailers"),
            (self.empty_last && self.framing == Framing::Http2, ", empty last frames"),
            (self.empty_last && self.framing == Framing::Http1, ", chunked"),
        ] {
            if there {
                f.write_str(text)?;
            }
        }
        Ok(())
    }
}

fn offsets(cuts: &[usize]) -> String {
    let shown: Vec<_> = cuts.iter().take(8).map(usize::to_string).collect();
    let more = if cuts.len() > 8 { format!(" and {} more", cuts.len() - 8) } else { String::new() };
    format!("byte {}{more}", shown.join(", "))
}
