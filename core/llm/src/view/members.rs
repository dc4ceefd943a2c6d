//! Members of a request by name, for rules on what a request asks for.

use crate::json::reader::{Reader, Scratch, Value, fold};
use crate::json::scan::Side;
use crate::{Error, ParseLimits, Request, Span};

/// Index of the root among the nodes of [`MemberPaths`].
const ROOT: usize = 0;

/// Paths of members of a request, compiled: `a.b` is the member `b` of the object `a`.
///
/// Names are compared without regard to case and `_`: servers accept `topLogprobs` and `top_logprobs` for one another.
#[derive(Clone, Debug)]
pub struct MemberPaths {
    /// Steps of all paths; the first node is the root.
    nodes: Vec<Node>,
    /// Number of bytes of the longest step.
    longest: usize,
    /// Number of different paths.
    len: usize,
}

/// Step of paths.
#[derive(Clone, Debug, Default)]
struct Node {
    /// Next steps by their folded names, ascending, each with the index of its node.
    next: Vec<(Box<str>, usize)>,
    /// Index of the path that ends here.
    path: Option<usize>,
}

impl Default for MemberPaths {
    fn default() -> MemberPaths {
        MemberPaths { nodes: vec![Node::default()], longest: 0, len: 0 }
    }
}

impl MemberPaths {
    /// Adds a path and returns its index, which is that of an equal path added before. `None`: a step of the path is empty.
    pub fn insert(&mut self, path: &str) -> Option<usize> {
        let steps: Vec<Box<str>> = path.split('.').map(folded).collect();
        if steps.iter().any(|step| step.is_empty()) {
            return None;
        }
        let mut at = ROOT;
        for step in steps {
            self.longest = self.longest.max(step.len());
            let new = self.nodes.len();
            let next = &mut self.nodes.get_mut(at)?.next;
            match next.binary_search_by(|(own, _)| own.cmp(&step)) {
                Ok(found) => at = next.get(found)?.1,
                Err(place) => {
                    next.insert(place, (step, new));
                    self.nodes.push(Node::default());
                    at = new;
                }
            }
        }
        let free = self.len;
        let path = &mut self.nodes.get_mut(at)?.path;
        if path.is_none() {
            self.len += 1;
        }
        Some(*path.get_or_insert(free))
    }

    /// Returns the node of a key below a node. `buffer` is reused between keys.
    fn find(&self, at: usize, key: impl Iterator<Item = char>, buffer: &mut String) -> Option<usize> {
        let next = &self.nodes.get(at)?.next;
        if next.is_empty() {
            return None;
        }
        buffer.clear();
        for char in key.filter(|char| *char != '_').map(fold) {
            // A long key takes no more time than a short one.
            if buffer.len() >= self.longest {
                return None;
            }
            buffer.push(char);
        }
        let found = next.binary_search_by(|(own, _)| (**own).cmp(buffer.as_str())).ok()?;
        next.get(found).map(|(_, node)| *node)
    }
}

/// Returns a name in the form in which names are compared.
fn folded(name: &str) -> Box<str> {
    name.chars().filter(|char| *char != '_').map(fold).collect::<String>().into()
}

impl Request {
    /// Returns the values of members of a JSON body by their paths, each with the index of its path: outer members before those
    /// that they contain. A value that asks for nothing is left out: `null`, `false`, `[]` and `{}`.
    ///
    /// It takes a second pass over the body.
    ///
    /// # Errors
    /// Same as [`Request::parse`].
    pub fn members(body: &[u8], paths: &MemberPaths, limits: &ParseLimits) -> Result<Vec<(usize, Span)>, Error> {
        let mut scratch = Scratch::default();
        let mut reader = Reader::new(body, limits, Side::Request, &mut scratch)?;
        let mut search = Search { paths, found: Vec::new(), buffer: String::new() };
        if let Value::Object(_) = reader.value()? {
            search.read(&mut reader, ROOT)?;
        }
        search.found.sort_by_key(|(_, span)| span.start);
        Ok(search.found)
    }
}

/// Search for members in a body.
struct Search<'p> {
    paths: &'p MemberPaths,
    found: Vec<(usize, Span)>,
    /// Name of the current member, folded.
    buffer: String,
}

impl Search<'_> {
    /// Reads the members of an opened object at a node. The recursion is bounded by the number of steps of a path.
    fn read(&mut self, reader: &mut Reader<'_, '_>, at: usize) -> Result<(), Error> {
        let body = reader.body();
        while let Some(key) = reader.key()? {
            let value = reader.value()?;
            let is_empty = match value {
                Value::Null(_) | Value::Bool(false, _) => true,
                Value::Object(_) => reader.is_empty_object(),
                Value::Array(_) => reader.is_empty_array(),
                _ => false,
            };
            let node = self.paths.find(at, key.chars(body), &mut self.buffer);
            match (node, value) {
                (Some(node), Value::Object(_)) => self.read(reader, node)?,
                _ => reader.walk(value, |_| Ok(()))?,
            }
            let path = node.and_then(|node| self.paths.nodes.get(node)?.path);
            if let Some(path) = path.filter(|_| !is_empty) {
                self.found.push((path, Span::new(value.start(), reader.offset())));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 5] =
        ["logprobs", "logit_bias", "echo", "generationConfig.responseLogprobs", "generationConfig.a.b_c.d"];

    /// Returns the members of a body, each as `path=value`.
    fn members(body: &str) -> Result<String, Error> {
        let mut paths = MemberPaths::default();
        for (index, path) in PATHS.into_iter().enumerate() {
            assert_eq!(paths.insert(path), Some(index));
        }
        let found = Request::members(body.as_bytes(), &paths, &ParseLimits::default())?;
        let text = |(path, span): &(usize, Span)| {
            format!("{}={}", PATHS[*path], std::str::from_utf8(span.of(body.as_bytes())).unwrap())
        };
        Ok(found.iter().map(text).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn members_that_ask_for_something_are_found() {
        for (body, found) in [
            (r#"{"logprobs":true,"messages":[{"logprobs":true}]}"#, "logprobs=true"),
            (r#"{"logprobs":null,"logit_bias":{},"echo":false}"#, ""),
            (r#"{"echo":[ ],"logprobs":0}"#, "logprobs=0"),
            (r#" {"logit_bias" : {"1": -100 } , "echo":true } "#, r#"logit_bias={"1": -100 } echo=true"#),
            (r#"{"log\u0070robs":5}"#, "logprobs=5"),
            (
                r#"{"generationConfig":{"temperature":1,"responseLogprobs":true},"responseLogprobs":true}"#,
                "generationConfig.responseLogprobs=true",
            ),
            (r#"{"generationConfig":{"logprobs":3},"echo":"a"}"#, r#"echo="a""#),
            (r#"{"generationConfig":7}"#, ""),
            ("[]", ""),
            ("{}", ""),
        ] {
            assert_eq!(members(body).unwrap(), found, "{body}");
        }
        assert!(members("{").is_err());
    }

    #[test]
    fn members_in_another_spelling_are_found() {
        for (body, found) in [
            (r#"{"Logprobs":true,"LOGIT_BIAS":{"1":2}}"#, r#"logprobs=true logit_bias={"1":2}"#),
            (r#"{"logitBias":1,"log_probs":2}"#, "logit_bias=1 logprobs=2"),
            (r#"{"generation_config":{"response_logprobs":true}}"#, "generationConfig.responseLogprobs=true"),
            ("{\"logprob\u{17f}\":1,\"\\u212a\":2}", "logprobs=1"),
            (r#"{"logprobs_":1,"_":2,"logprobss":3,"logprob":4,"echo\n":5}"#, "logprobs=1"),
        ] {
            assert_eq!(members(body).unwrap(), found, "{body}");
        }
        let long = format!(r#"{{"{}echo":1,"{}":2}}"#, "_".repeat(100_000), "echo".repeat(10_000));
        assert_eq!(members(&long).unwrap(), "echo=1");
    }

    #[test]
    fn members_at_any_depth_are_found_after_those_that_contain_them() {
        for (body, found) in [
            (r#"{"generationConfig":{"a":{"bC":{"d":1}}}}"#, "generationConfig.a.b_c.d=1"),
            (r#"{"generationConfig":{"a":[{"b_c":{"d":1}}],"d":1}}"#, ""),
            (r#"{"generationConfig":{"b_c":{"d":1}},"a":{"b_c":{"d":1}}}"#, ""),
        ] {
            assert_eq!(members(body).unwrap(), found, "{body}");
        }
        let mut paths = MemberPaths::default();
        let indices = ["a.b", "a", "A", "a.B_", "a.b.c"].map(|path| paths.insert(path));
        assert_eq!(indices, [0, 1, 1, 0, 2].map(Some));
        let found = Request::members(br#"{"a":{"b":{"c":1}}}"#, &paths, &ParseLimits::default()).unwrap();
        assert_eq!(found.iter().map(|(path, _)| *path).collect::<Vec<_>>(), [1, 0, 2]);
    }

    #[test]
    fn paths_with_empty_steps_are_refused() {
        for path in ["", ".", "a.", ".a", "a..b", "_", "a.__"] {
            assert_eq!(MemberPaths::default().insert(path), None, "{path}");
        }
    }
}
