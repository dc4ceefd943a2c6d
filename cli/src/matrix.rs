//! The ways in which a test is run: whole, byte by byte, at every match, event by event, with trailers, over HTTP/1 and
//! HTTP/2, with an empty last frame. What a filter does must not depend on any of these.

use std::collections::HashSet;

use crate::boundaries;
use crate::file::SplitKind;
use crate::plan::{Case, Exchange};
use crate::point::{Cut, Frames, Framing, Marks, Point};
use crate::policy::Policy;

/// Where the bodies of each exchange of a test are worth cutting.
pub fn marks(case: &Case, policy: &Policy) -> Vec<Marks> {
    let of = |exchange: &Exchange| Marks {
        request: boundaries::matches(policy, exchange.sent.body.as_deref().unwrap_or_default()),
        response: boundaries::matches(policy, &exchange.answer.with_usage),
    };
    case.exchanges().map(of).collect()
}

/// The points of a test, each different from all others in what it sends, the plainest first.
pub fn points(case: &Case, marks: &[Marks]) -> Vec<Point> {
    let mut seen = HashSet::new();
    let mut points = candidates(case, marks);
    points.retain(|point| seen.insert(sent(case, marks, point)));
    points
}

fn candidates(case: &Case, marks: &[Marks]) -> Vec<Point> {
    let has = |kind| case.split.has(kind);
    let framings: &[Framing] =
        if has(SplitKind::Http2) { &[Framing::Http1, Framing::Http2] } else { &[Framing::Http1] };
    let mut points = Vec::new();
    let mut both = |point: &Point| {
        points.extend(framings.iter().map(|&framing| Point { framing, ..point.clone() }));
    };
    let whole = Point::default();
    both(&whole);
    let trailers = Point { request_trailers: true, response_trailers: true, ..whole.clone() };
    if has(SplitKind::Trailers) {
        both(&trailers);
    }
    if has(SplitKind::EmptyLast) {
        both(&Point { empty_last: true, ..whole.clone() });
    }
    if has(SplitKind::Matches) {
        let most = marks.iter().map(|marks| marks.request.len().max(marks.response.len())).max().unwrap_or(0);
        for number in 0..most {
            both(&Point { request: Cut::Match(number), response: Cut::Match(number), ..whole.clone() });
        }
    }
    if has(SplitKind::Events) {
        both(&Point { response: Cut::Events, ..whole.clone() });
    }
    if has(SplitKind::Bytes) {
        both(&Point { request: Cut::Bytes, response: Cut::Bytes, ..whole });
        if has(SplitKind::Trailers) {
            both(&Point { request: Cut::Bytes, response: Cut::Bytes, ..trailers });
        }
    }
    points
}

/// What goes over the wire at a point.
fn sent(case: &Case, marks: &[Marks], point: &Point) -> Vec<(Framing, Frames, Frames)> {
    let default = Marks::default();
    let of = |(number, exchange): (usize, &Exchange)| {
        let marks = marks.get(number).unwrap_or(&default);
        let mut request = point.request(number, exchange, marks);
        let mut response = point.response(number, exchange, &exchange.answer.with_usage, marks);
        for (frames, body) in [(&mut request, exchange.sent.body.is_some()), (&mut response, !exchange.answer.refuse)] {
            // What is not there cannot be sent in another way.
            frames.trailers &= body;
            frames.sized |= !body;
        }
        (point.framing, request, response)
    };
    case.exchanges().enumerate().map(of).collect()
}
