//! Offsets at which cutting a body may make a difference: around rule matches and between stream events.

use std::collections::{BTreeMap, BTreeSet};

use crate::firewall_rules::FirewallRules;
use crate::literals::literals;

/// Most cuts around matches tried in one body; enough for a dozen matches.
const MAX_CUTS: usize = 60;

/// Returns the offsets at which a match of a rule begins or ends, the offsets next to these, and its middle. In a
/// stream, the text of all events of a choice is searched as one.
pub fn matches(firewall: &FirewallRules, body: &[u8]) -> Vec<usize> {
    let mut cuts = BTreeSet::new();
    let mut joined: BTreeMap<u64, (String, Vec<usize>)> = BTreeMap::new();
    for literal in literals(body) {
        add(firewall, &literal.text, &literal.places, &mut cuts);
        if literal.member.as_deref() == Some("content") {
            let (text, places) = joined.entry(literal.index).or_default();
            // The end of one text is the beginning of the next.
            places.truncate(text.len());
            text.push_str(&literal.text);
            places.extend(literal.places);
        }
    }
    for (text, places) in joined.values() {
        add(firewall, text, places, &mut cuts);
    }
    cuts.retain(|&cut| cut > 0 && cut < body.len());
    cuts.into_iter().take(MAX_CUTS).collect()
}

fn add(firewall: &FirewallRules, text: &str, places: &[usize], cuts: &mut BTreeSet<usize>) {
    for (_, range) in firewall.matches(text) {
        let Some(last) = range.end.checked_sub(1) else { continue };
        let middle = range.start + range.len() / 2;
        let cut_points = [range.start, range.start + 1, middle, last, range.end];
        cuts.extend(cut_points.iter().filter_map(|&mark| places.get(mark)));
    }
}

/// Returns the offset after every event of a stream, that is, after every empty line.
pub fn events(body: &[u8]) -> Vec<usize> {
    let mut cuts = Vec::new();
    let (mut at, mut empty) = (0, true);
    while let Some(&byte) = body.get(at) {
        let end = match byte {
            b'\r' if body.get(at + 1) == Some(&b'\n') => at + 2,
            b'\r' | b'\n' => at + 1,
            _ => {
                empty = false;
                at += 1;
                continue;
            }
        };
        if empty {
            cuts.push(end);
        }
        empty = true;
        at = end;
    }
    cuts.retain(|&cut| cut < body.len());
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_after_an_empty_line() {
        for (stream, cuts) in [
            ("data: a\n\ndata: b\n\n", vec![9]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", vec![11]),
            ("data: a\r\rdata: b\r\r", vec![9]),
            (": x\ndata: a\n\ndata: b", vec![13]),
            ("", vec![]),
        ] {
            assert_eq!(events(stream.as_bytes()), cuts, "{stream:?}");
        }
    }

    #[test]
    fn matches_that_span_events_are_found() {
        let mut firewall = FirewallRules::default();
        firewall.extend(&serde_json::json!({"rules": [{"id": "r", "match": {"regex": "secret"}, "action": "log"}]}));
        let body = br#"data: {"delta":{"content":"a sec"}}
data: {"delta":{"content":"ret."}}"#;
        let cuts = matches(&firewall, body);
        let at = |text: &str| body.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
        // Start, one after it, the middle (where the second delta begins), before the last letter, after it.
        let ret = at("ret.");
        assert_eq!(cuts, [at("sec"), at("ec\""), ret, ret + 2, ret + 3]);
    }
}
