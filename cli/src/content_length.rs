//! Checks that the length headers of every message match its body, whatever the test expects. A receiver that trusts a
//! wrong `content-length` waits for bytes that never arrive, or takes the remaining ones for the next message.

use crate::file::ResponseEnd;
use crate::mismatch::Mismatch;
use crate::observation::{Observation, values};
use crate::plan::{Exchange, HeaderList};

/// Returns the length headers of an exchange that do not match their bodies. Incomplete bodies are skipped.
pub fn wrong(exchange: &Exchange, seen: &Observation) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for request in seen.upstream.iter().filter(|request| request.complete) {
        check("upstream", &request.headers, &request.body, &mut found);
        if request.ended_twice {
            let went_on = "more data after the end of the request, which the receiver takes for the next request";
            found.push(Mismatch::new("upstream", "one end", went_on));
        }
    }
    // These responses have no body; their `content-length` may describe the body of another response.
    let is_bodiless = exchange.request.method == "HEAD" || matches!(seen.status, None | Some(204 | 304));
    if seen.end == ResponseEnd::Complete && !is_bodiless {
        check("client", &seen.headers, &seen.body, &mut found);
    }
    found
}

fn check(side: &str, headers: &HeaderList, body: &[u8], found: &mut Vec<Mismatch>) {
    let content_length: Vec<_> = values(headers, "content-length").map(String::from_utf8_lossy).collect();
    let Some(length) = content_length.first() else { return };
    if content_length.iter().any(|length| length.parse() != Ok(body.len())) {
        let expected = format!("{}, the length of the body", body.len());
        found.push(Mismatch::new(format!("{side}.headers.content-length"), expected, content_length.join(" and ")));
    }
    if values(headers, "transfer-encoding").next().is_some() {
        let expected = "only one of content-length and transfer-encoding";
        let both = format!("content-length: {length} and transfer-encoding");
        found.push(Mismatch::new(format!("{side}.headers"), expected, both));
    }
}
