//! One way of sending the requests and answers of a test: framing, pieces, trailers.

use std::fmt;

use crate::plan::Exchange;

/// How messages end on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Framing {
    /// HTTP/1.1
    #[default]
    Http1,
    /// HTTP/2
    Http2,
}

/// Where a body is cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cut {
    /// Nowhere.
    #[default]
    Whole,
    /// Between any two bytes.
    Bytes,
    /// Behind every event.
    Events,
    /// At one of the places around matches, by its number.
    Match(usize),
    /// At these offsets.
    At(Vec<usize>),
}

/// A point of the matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// On both sides of the gateway.
    pub framing: Framing,
    /// Of requests.
    pub request: Cut,
    /// Of answers.
    pub response: Cut,
    /// Whether requests end with trailers of ours.
    pub request_trailers: bool,
    /// Whether answers do.
    pub response_trailers: bool,
    /// Whether bodies are of unknown length, with an empty last frame.
    pub empty_last: bool,
    /// Only the exchange of this number (from 0) is sent in this way, the others whole.
    pub only: Option<usize>,
}

/// The trailer that a point adds.
pub const TRAILER: &str = "x-tollgate-test-trailer";

/// Pieces that a body is cut into at most.
const MAX_PIECES: usize = 16_384;

/// The offsets at which the bodies of an exchange are worth cutting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutPoints {
    /// Around matches in the request.
    pub request: Vec<usize>,
    /// Around matches in the answer.
    pub response: Vec<usize>,
}

/// How one message is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frames {
    /// Offsets of the body at which it is cut, ascending, without both ends.
    pub cuts: Vec<usize>,
    /// Whether its length is said in front.
    pub sized: bool,
    /// Whether a trailer of ours is added.
    pub trailers: bool,
    /// Whether an empty last frame is added.
    pub empty_last: bool,
}

impl Frames {
    /// The pieces of a body.
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

impl Delivery {
    /// How a request is sent.
    pub fn request(&self, number: usize, exchange: &Exchange, cut_points: &CutPoints) -> Frames {
        let body = exchange.request.body.as_deref().unwrap_or_default();
        let own = !exchange.request.trailers.is_empty();
        self.frames(number, &self.request, body, &cut_points.request, own, self.request_trailers)
    }

    /// How an answer with this body is sent.
    pub fn response(&self, number: usize, exchange: &Exchange, body: &[u8], cut_points: &CutPoints) -> Frames {
        // A client that counts events needs them one by one.
        let cut = if exchange.request.leave_after.is_some() { &Cut::Events } else { &self.response };
        let own = !exchange.response.trailers.is_empty();
        let frames = self.frames(number, cut, body, &cut_points.response, own, self.response_trailers);
        Frames { sized: frames.sized && !exchange.response.is_stream, ..frames }
    }

    fn frames(&self, number: usize, cut: &Cut, body: &[u8], cut_points: &[usize], own: bool, ours: bool) -> Frames {
        let here = self.only.is_none_or(|only| only == number);
        let cut = if here || *cut == Cut::Events { cut } else { &Cut::Whole };
        let mut cuts = match cut {
            Cut::Whole => Vec::new(),
            Cut::Bytes => (1..body.len()).step_by(body.len().div_ceil(MAX_PIECES).max(1)).collect(),
            Cut::Events => crate::cut_points::events(body),
            Cut::Match(number) => cut_points.get(*number).copied().into_iter().collect(),
            Cut::At(cuts) => cuts.clone(),
        };
        cuts.retain(|&cut| cut > 0 && cut < body.len());
        let trailers = ours && here;
        // HTTP/1 ends every body of unknown length in this way.
        let unsized_whole = self.empty_last && here;
        let empty_last = unsized_whole && !body.is_empty() && self.framing == Framing::Http2;
        let sized = !own && !trailers && !unsized_whole && (cuts.is_empty() || self.framing == Framing::Http1);
        Frames { cuts, sized, trailers, empty_last }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.framing {
            Framing::Http1 => "HTTP/1",
            Framing::Http2 => "HTTP/2",
        })?;
        if self.request == Cut::Whole && self.response == Cut::Whole {
            f.write_str(", whole")?;
        }
        for (what, cut) in [("request", &self.request), ("answer", &self.response)] {
            match cut {
                Cut::Whole => {}
                Cut::Bytes => write!(f, ", {what} byte by byte")?,
                Cut::Events => write!(f, ", {what} event by event")?,
                Cut::Match(number) => write!(f, ", {what} cut at a match (place {})", number + 1)?,
                Cut::At(cuts) => write!(f, ", {what} cut at {}", offsets(cuts))?,
            }
        }
        for (there, text) in [
            (self.request_trailers, ", request with trailers"),
            (self.response_trailers, ", answer with trailers"),
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
