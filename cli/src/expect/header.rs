//! Expectations on headers and trailers.

use std::collections::BTreeMap;

use regex::bytes::Regex;

use crate::file::{HeaderExpect, HeaderPattern};
use crate::observation::values;
use crate::plan::HeaderList;

use super::Checks;

pub(super) fn check(
    what: &str,
    expected: &BTreeMap<String, HeaderExpect>,
    found: &HeaderList,
    checks: &mut Checks<'_>,
) {
    for (name, expected) in expected {
        let what = format!("{what}.{name}");
        let all: Vec<&[u8]> = values(found, name).collect();
        let mask = checks.mask;
        let shown = || match all.as_slice() {
            [] => "none".to_owned(),
            all => all.iter().map(|value| format!("{:?}", mask.show(value))).collect::<Vec<_>>().join(" and "),
        };
        match expected {
            HeaderExpect::Absent if !all.is_empty() => checks.add(&what, "none", shown()),
            HeaderExpect::Is(value) if all != [value.as_bytes()] => {
                checks.add(&what, format!("{:?}", mask.show(value.as_bytes())), shown());
            }
            HeaderExpect::Like(HeaderPattern { matches, contains }) => {
                let first = all.first().copied();
                if let Some(pattern) = matches {
                    // An invalid pattern was rejected when the test file was read.
                    let fits = Regex::new(pattern).is_ok_and(|regex| first.is_some_and(|value| regex.is_match(value)));
                    if !fits {
                        checks.add(&what, format!("a match of /{pattern}/"), shown());
                    }
                }
                if let Some(part) = contains {
                    let has = |value: &[u8]| value.windows(part.len().max(1)).any(|window| window == part.as_bytes());
                    if !first.is_some_and(has) {
                        checks.add(&what, format!("to contain {:?}", mask.show(part.as_bytes())), shown());
                    }
                }
                if matches.is_none() && contains.is_none() && first.is_none() {
                    checks.add(&what, "any value", "none");
                }
            }
            _ => {}
        }
    }
}
