//! Compares an observation with the expectations of a test.

mod client;
mod header;
mod matching;
mod record;
mod upstream;

use crate::file::Expect;
use crate::mismatch::Mismatch;
use crate::observation::Observation;
use crate::plan::Exchange;
use crate::secrets::Mask;

/// Returns every mismatch between the observation and the expectations.
pub fn check(expect: &Expect, exchange: &Exchange, seen: &Observation, mask: &Mask) -> Vec<Mismatch> {
    let mut checks = Checks { mask, found: Vec::new() };
    record::check(expect, seen, &mut checks);
    client::check(expect, exchange, seen, &mut checks);
    upstream::check(expect, exchange, seen, &mut checks);
    checks.found
}

/// Collector of mismatches.
struct Checks<'a> {
    mask: &'a Mask,
    found: Vec<Mismatch>,
}

impl Checks<'_> {
    fn add(&mut self, what: &str, expected: impl Into<String>, found: impl Into<String>) {
        self.found.push(Mismatch::new(what, expected, found));
    }

    /// Compares words of a known set, and numbers.
    fn same(&mut self, what: &str, expected: Option<impl ToString>, found: Option<impl ToString>) {
        if let Some(expected) = expected.map(|expected| expected.to_string()) {
            let found = found.map_or("none".to_owned(), |found| found.to_string());
            if expected != found {
                self.add(what, expected, found);
            }
        }
    }

    /// Compares text, if the test expects one.
    fn text(&mut self, what: &str, expected: Option<&str>, found: &[u8]) {
        if let Some(expected) = expected {
            self.octets(what, expected.as_bytes(), found);
        }
    }

    /// Compares bytes. Parts that match a rule are masked in the report.
    fn octets(&mut self, what: &str, expected: &[u8], found: &[u8]) {
        if expected != found {
            let at = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
            let what = if at > 0 { format!("{what} (from byte {at})") } else { what.to_owned() };
            let show = |octets: &[u8]| format!("{:?}", self.mask.show_at(octets, at));
            let (expected, found) = (show(expected), show(found));
            self.add(&what, expected, found);
        }
    }

    /// Checks for substrings that must or must not occur.
    fn parts(&mut self, what: &str, contains: &[String], not_contains: &[String], found: &[u8]) {
        let at = |part: &String| found.windows(part.len().max(1)).position(|window| window == part.as_bytes());
        for part in contains.iter().filter(|part| at(part).is_none()) {
            let part = format!("to contain {:?}", self.mask.show(part.as_bytes()));
            let found = format!("{:?}", self.mask.show(found));
            self.add(what, part, found);
        }
        for part in not_contains {
            if let Some(at) = at(part) {
                let text = format!("not to contain {:?}", self.mask.show(part.as_bytes()));
                self.add(what, text, format!("it at bytes {at}..{}", at + part.len()));
            }
        }
    }
}
