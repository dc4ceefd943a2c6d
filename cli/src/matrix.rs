//! The deliveries in which a test runs: whole, byte by byte, cut at every match, event by event, with trailers, over
//! HTTP/1 and HTTP/2, with an empty last frame. The result of a test must not depend on them.

use std::collections::HashSet;

use crate::cut_points;
use crate::delivery::{BodySplit, CutPoints, Delivery, Frames, Framing};
use crate::file::SplitKind;
use crate::firewall_rules::FirewallRules;
use crate::plan::{Case, Exchange};

/// Returns the cut points of each exchange of a test.
pub fn cut_points(case: &Case, firewall: &FirewallRules) -> Vec<CutPoints> {
    let of = |exchange: &Exchange| CutPoints {
        request: cut_points::matches(firewall, exchange.request.body.as_deref().unwrap_or_default()),
        response: cut_points::matches(firewall, &exchange.response.with_usage),
    };
    case.exchanges().map(of).collect()
}

/// Returns the deliveries of a test, simplest first. Each one differs from all others in the bytes or frames sent.
pub fn deliveries(case: &Case, cut_points: &[CutPoints]) -> Vec<Delivery> {
    let mut seen = HashSet::new();
    let mut deliveries = candidates(case, cut_points);
    deliveries.retain(|delivery| seen.insert(sent(case, cut_points, delivery)));
    deliveries
}

fn candidates(case: &Case, cut_points: &[CutPoints]) -> Vec<Delivery> {
    let has = |kind| case.split.has(kind);
    let framings: &[Framing] =
        if has(SplitKind::Http2) { &[Framing::Http1, Framing::Http2] } else { &[Framing::Http1] };
    let mut deliveries = Vec::new();
    let mut both = |delivery: &Delivery| {
        deliveries.extend(framings.iter().map(|&framing| Delivery { framing, ..delivery.clone() }));
    };
    let whole = Delivery::default();
    both(&whole);
    let trailers = Delivery { request_trailers: true, response_trailers: true, ..whole.clone() };
    if has(SplitKind::Trailers) {
        both(&trailers);
    }
    if has(SplitKind::EmptyLast) {
        both(&Delivery { empty_last: true, ..whole.clone() });
    }
    if has(SplitKind::Matches) {
        let most = cut_points
            .iter()
            .map(|cut_points| cut_points.request.len().max(cut_points.response.len()))
            .max()
            .unwrap_or(0);
        for number in 0..most {
            both(&Delivery { request: BodySplit::Match(number), response: BodySplit::Match(number), ..whole.clone() });
        }
    }
    if has(SplitKind::Events) {
        both(&Delivery { response: BodySplit::Events, ..whole.clone() });
    }
    if has(SplitKind::Bytes) {
        both(&Delivery { request: BodySplit::Bytes, response: BodySplit::Bytes, ..whole });
        if has(SplitKind::Trailers) {
            both(&Delivery { request: BodySplit::Bytes, response: BodySplit::Bytes, ..trailers });
        }
    }
    deliveries
}

/// Returns the frames that a delivery sends.
fn sent(case: &Case, cut_points: &[CutPoints], delivery: &Delivery) -> Vec<(Framing, Frames, Frames)> {
    let default = CutPoints::default();
    let of = |(number, exchange): (usize, &Exchange)| {
        let cut_points = cut_points.get(number).unwrap_or(&default);
        let mut request = delivery.request(number, exchange, cut_points);
        let mut response = delivery.response(number, exchange, &exchange.response.with_usage, cut_points);
        for (frames, body) in
            [(&mut request, exchange.request.body.is_some()), (&mut response, !exchange.response.refuse)]
        {
            // Trailers and framing of an absent body make no difference.
            frames.trailers &= body;
            frames.sized |= !body;
        }
        (delivery.framing, request, response)
    };
    case.exchanges().enumerate().map(of).collect()
}
