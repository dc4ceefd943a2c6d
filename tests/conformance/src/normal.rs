//! Normalisation of traces: the parts that differ from run to run, and their replacements. Recorded traces are changed nowhere
//! else.
//!
//! | what | becomes |
//! |---|---|
//! | the values of `date`, `x-request-id` and `x-envoy-upstream-service-time` | `<date>`, `<id>`, `<ms>` |
//! | ports of 127.0.0.1 | `127.0.0.1:<port>` |
//! | stream contexts, numbered by the virtual machine since its start | `s1`, `s2`, … within the scenario, by filter |
//! | tokens of calls, numbered likewise | `t1`, `t2`, …, and their lowest two bits, which say of which kind they are |
//! | the pseudo headers of `pairs req` | in the order of their names: over HTTP/2 theirs is the client library's |
//! | properties that are times, durations or ids, and whole header maps, which come in any order | the size of their value |

use std::collections::BTreeMap;

/// Properties whose values differ from run to run.
const VOLATILE: [&str; 11] = [
    "request.time",
    "request.duration",
    "request.id",
    "connection.id",
    "request.headers",
    "response.headers",
    "response.backend_latency",
    "source.port",
    "upstream.port",
    "upstream.cx_pool_ready_duration",
    "destination.port",
];

/// Normalises the value of a header.
pub(crate) fn header(name: &str, value: &str) -> String {
    match name {
        "date" => "<date>".into(),
        "x-request-id" => "<id>".into(),
        "x-envoy-upstream-service-time" => "<ms>".into(),
        _ => ports(value),
    }
}

/// Numbering of streams and tokens within one scenario, in the order of their appearance.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    streams: BTreeMap<(String, String), usize>,
    per_filter: BTreeMap<String, usize>,
    tokens: BTreeMap<(String, u32), usize>,
}

impl Numbers {
    /// Normalises a line of the probe, without its mark: `f1 c2 req_headers n=5 eos=true`.
    pub(crate) fn line(&mut self, line: &str) -> String {
        let mut words = line.splitn(3, ' ');
        let (filter, context, rest) =
            (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let key = (filter.to_owned(), context.to_owned());
        if rest.starts_with("create ") {
            let next = self.per_filter.entry(filter.to_owned()).or_default();
            *next += 1;
            // A new virtual machine counts from the beginning.
            self.streams.insert(key.clone(), *next);
        }
        let context = self.streams.get(&key).map_or_else(|| context.to_owned(), |number| format!("s{number}"));
        let rest = quoted_header(rest, "date", "<date>");
        let rest = quoted_header(&rest, "x-request-id", "<id>");
        let rest = quoted_header(&rest, "x-envoy-upstream-service-time", "<ms>");
        let rest = ports(&self.tokens(filter, &pseudo_sorted(&volatile(&rest))));
        format!("{filter} {context} {rest}")
    }

    fn tokens(&mut self, filter: &str, text: &str) -> String {
        let Some((before, after)) = text.split_once("token=") else { return text.to_owned() };
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        let Ok(token) = digits.parse::<u32>() else { return text.to_owned() };
        let next = self.tokens.len() + 1;
        let number = *self.tokens.entry((filter.to_owned(), token)).or_insert(next);
        format!("{before}token=t{number}/{}{}", token & 3, after.get(digits.len()..).unwrap_or_default())
    }
}

/// Replaces the value in every `name="value"`.
fn quoted_header(text: &str, name: &str, value: &str) -> String {
    let mark = format!("{name}=\"");
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&mark) {
        out.push_str(before);
        out.push_str(&mark);
        out.push_str(value);
        rest = after.find('"').and_then(|at| after.get(at..)).unwrap_or_default();
    }
    out + rest
}

/// Replaces a volatile value by its size: `. prop request.time -> 0 0x…`.
fn volatile(text: &str) -> String {
    let Some((name, value)) = text.strip_prefix(". prop ").and_then(|rest| rest.split_once(" -> 0 ")) else {
        // A single header: its value has no name beside it.
        let get = text.strip_prefix(". get ").and_then(|rest| rest.split_once(" -> 0 "));
        return match get.and_then(|(what, _)| Some((what, what.split(' ').nth(1)?))) {
            Some((what, "date")) => format!(". get {what} -> 0 <date>"),
            Some((what, "x-request-id")) => format!(". get {what} -> 0 <id>"),
            Some((what, "x-envoy-upstream-service-time")) => format!(". get {what} -> 0 <ms>"),
            _ => text.to_owned(),
        };
    };
    if !VOLATILE.contains(&name.replace('|', ".").as_str()) {
        return text.to_owned();
    }
    let size = match (value.split_once("… of "), value.strip_prefix("0x")) {
        (Some((_, size)), _) => size.parse().unwrap_or_default(),
        (_, Some(hex)) => hex.len() / 2,
        _ => value.len().saturating_sub(2),
    };
    format!(". prop {name} -> 0 <{size} octets>")
}

/// Sorts the pseudo headers of `. pairs req -> 0 [:b="…" :a="…" c="…"]`.
fn pseudo_sorted(text: &str) -> String {
    let Some(mut rest) = text.strip_prefix(PAIRS) else { return text.to_owned() };
    let mut pseudo = Vec::new();
    while rest.starts_with(':') {
        // No scenario has a pseudo header with an escaped quote in its value.
        let Some((entry, after)) = rest.split_once("\" ") else { break };
        pseudo.push(format!("{entry}\" "));
        rest = after;
    }
    pseudo.sort();
    format!("{PAIRS}{}{rest}", pseudo.concat())
}

const PAIRS: &str = ". pairs req -> 0 [";

fn ports(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("127.0.0.1:") {
        out.push_str(before);
        out.push_str("127.0.0.1:<port>");
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_tokens_are_numbered_by_the_scenario() {
        let mut numbers = Numbers::default();
        for (line, expected) in [
            ("f1 c7 create root=c1", "f1 s1 create root=c1"),
            ("f1 c7 . call side 300 -> 0 token=12", "f1 s1 . call side 300 -> 0 token=t1/0"),
            ("f1 c1 http_call token=12 n=3", "f1 c1 http_call token=t1/0 n=3"),
            ("f1 c7 . gcall grpc -> 0 token=5", "f1 s1 . gcall grpc -> 0 token=t2/1"),
            ("f1 c8 create root=c1", "f1 s2 create root=c1"),
            ("f2 c7 req_headers n=5 eos=true", "f2 c7 req_headers n=5 eos=true"),
            (
                "f1 c8 . pairs resp -> 0 [date=\"Sun, 22 Nov\" a=\"b\"]",
                "f1 s2 . pairs resp -> 0 [date=\"<date>\" a=\"b\"]",
            ),
            (
                "f1 c8 . pairs req -> 0 [:path=\"/p q\" :method=\"GET\" a=\"b\"]",
                "f1 s2 . pairs req -> 0 [:method=\"GET\" :path=\"/p q\" a=\"b\"]",
            ),
            ("f1 c8 . get resp date -> 0 \"Sun\"", "f1 s2 . get resp date -> 0 <date>"),
            ("f1 c8 . prop request.time -> 0 0x0011223344556677", "f1 s2 . prop request.time -> 0 <8 octets>"),
            (
                "f1 c8 . prop source.address -> 0 \"127.0.0.1:45\"",
                "f1 s2 . prop source.address -> 0 \"127.0.0.1:<port>\"",
            ),
            ("f1 c8 . prop request.path -> 0 \"/p\"", "f1 s2 . prop request.path -> 0 \"/p\""),
        ] {
            assert_eq!(numbers.line(line), expected);
        }
    }
}
