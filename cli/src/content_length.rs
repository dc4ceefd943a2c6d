//! Whether the end of every body is where its headers say, whatever a test expects. A receiver that believes a wrong
//! `content-length` waits for bytes that never come, or takes the rest for another message.

use crate::file::ResponseEnd;
use crate::mismatch::Mismatch;
use crate::observation::{Observation, values};
use crate::plan::{Exchange, HeaderList};

/// What is wrong with the lengths that were said of the bodies of an exchange. Bodies that broke off are left out.
pub fn wrong(exchange: &Exchange, seen: &Observation) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for request in seen.upstream.iter().filter(|request| request.complete) {
        check("upstream", &request.headers, &request.body, &mut found);
        if request.ended_twice {
            let went_on = "a request that goes on behind its end, which its receiver takes for the next one";
            found.push(Mismatch::new("upstream", "one end", went_on));
        }
    }
    // These have no body, and may say how long that of another answer would be.
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
        let expected = format!("{}, as long as the body", body.len());
        found.push(Mismatch::new(format!("{side}.headers.content-length"), expected, content_length.join(" and ")));
    }
    if values(headers, "transfer-encoding").next().is_some() {
        let expected = "one way to find the end of the body";
        let both = format!("content-length: {length}, and transfer-encoding");
        found.push(Mismatch::new(format!("{side}.headers"), expected, both));
    }
}
