//! Minimises a delivery in which a test fails.

use crate::delivery::{BodySplit, Delivery, Framing};

/// Most runs spent on minimising one failure.
const BUDGET: usize = 120;

/// Simplifies a failing delivery as long as it still fails. `cuts` returns the offsets at which a delivery cuts the
/// request and the response.
pub fn smallest(
    delivery: Delivery,
    cuts: impl Fn(&Delivery) -> (Vec<usize>, Vec<usize>),
    mut fails: impl FnMut(&Delivery) -> bool,
) -> Delivery {
    let mut budget = BUDGET;
    let mut try_one = |candidate: &Delivery| {
        if budget == 0 {
            return false;
        }
        budget -= 1;
        fails(candidate)
    };
    let mut best = delivery;
    for plainer in [
        |delivery: &Delivery| Delivery { request: BodySplit::Whole, ..delivery.clone() },
        |delivery: &Delivery| Delivery { response: BodySplit::Whole, ..delivery.clone() },
        |delivery: &Delivery| Delivery { request_trailers: false, ..delivery.clone() },
        |delivery: &Delivery| Delivery { response_trailers: false, ..delivery.clone() },
        |delivery: &Delivery| Delivery { empty_last: false, ..delivery.clone() },
        |delivery: &Delivery| Delivery { framing: Framing::Http1, ..delivery.clone() },
    ] {
        let candidate = plainer(&best);
        // Sent whole the test does not fail: that is the run it was compared with.
        let whole = Delivery { only: None, ..candidate.clone() } == Delivery::default();
        if candidate != best && !whole && try_one(&candidate) {
            best = candidate;
        }
    }
    let (request, response) = cuts(&best);
    if best.request != BodySplit::Whole {
        let with = |cuts: &[usize]| Delivery { request: BodySplit::At(cuts.to_vec()), ..best.clone() };
        best = with(&fewest(request, |cuts| try_one(&with(cuts))));
    }
    if best.response != BodySplit::Whole {
        let with = |cuts: &[usize]| Delivery { response: BodySplit::At(cuts.to_vec()), ..best.clone() };
        best = with(&fewest(response, |cuts| try_one(&with(cuts))));
    }
    best
}

/// Removes halves, quarters and so on of the cuts as long as the test still fails (delta debugging).
fn fewest(mut cuts: Vec<usize>, mut fails: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut parts = 2;
    while cuts.len() > 1 {
        let size = cuts.len().div_ceil(parts);
        let alone = cuts.chunks(size).find(|part| part.len() < cuts.len() && fails(part)).map(<[usize]>::to_vec);
        if let Some(part) = alone {
            (cuts, parts) = (part, 2);
            continue;
        }
        let without = (0..cuts.len().div_ceil(size)).find_map(|left_out| {
            let chunks = cuts.chunks(size).enumerate().filter(|(at, _)| *at != left_out);
            let rest: Vec<usize> = chunks.flat_map(|(_, part)| part.iter().copied()).collect();
            (!rest.is_empty() && rest.len() < cuts.len() && fails(&rest)).then_some(rest)
        });
        match without {
            Some(rest) => (cuts, parts) = (rest, (parts - 1).max(2)),
            None if parts >= cuts.len() => break,
            None => parts = (parts * 2).min(cuts.len()),
        }
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(len: usize) -> impl Fn(&Delivery) -> (Vec<usize>, Vec<usize>) {
        move |delivery| {
            let cuts = |cut: &BodySplit| match cut {
                BodySplit::Whole => Vec::new(),
                BodySplit::At(cuts) => cuts.clone(),
                _ => (1..len).collect(),
            };
            (cuts(&delivery.request), cuts(&delivery.response))
        }
    }

    #[test]
    fn the_one_cut_that_matters_is_found() {
        let delivery = Delivery {
            framing: Framing::Http2,
            request: BodySplit::Bytes,
            response: BodySplit::Bytes,
            request_trailers: true,
            ..Delivery::default()
        };
        let at = all(1000);
        let fails = |delivery: &Delivery| all(1000)(delivery).1.contains(&437);
        let smallest = smallest(delivery, at, fails);
        assert_eq!(smallest, Delivery { response: BodySplit::At(vec![437]), ..Delivery::default() });
        assert_eq!(smallest.to_string(), "HTTP/1, response cut at byte 437");
    }

    #[test]
    fn two_cuts_that_matter_together_are_found() {
        let delivery = Delivery { request: BodySplit::Bytes, ..Delivery::default() };
        let fails = |delivery: &Delivery| {
            let (cuts, _) = all(64)(delivery);
            cuts.contains(&3) && cuts.contains(&60)
        };
        assert_eq!(smallest(delivery, all(64), fails).request, BodySplit::At(vec![3, 60]));
    }

    #[test]
    fn trailers_are_kept_if_the_failure_needs_them() {
        let delivery = Delivery {
            request: BodySplit::Bytes,
            request_trailers: true,
            response_trailers: true,
            ..Delivery::default()
        };
        let smallest = smallest(delivery, all(9), |delivery| delivery.response_trailers);
        assert_eq!(smallest, Delivery { response_trailers: true, ..Delivery::default() });
    }
}
