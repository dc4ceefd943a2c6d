//! Members of a request by name, for rules on what a request asks for.

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits, Request, Span};

impl Request {
    /// Returns the values of members of a JSON body by their names, in the order of the body. `a.b` names the member `b` of the object
    /// `a`. A value that asks for nothing is left out: `null`, `false`, `[]` and `{}`.
    ///
    /// It takes a second pass over the body.
    ///
    /// # Errors
    /// Same as [`Request::parse`].
    pub fn members(body: &[u8], names: &[&str], limits: &ParseLimits) -> Result<Vec<(usize, Span)>, Error> {
        let mut scratch = Scratch::default();
        let mut reader = Reader::new(body, limits, Side::Request, &mut scratch)?;
        let mut found = Vec::new();
        if let Value::Object(_) = reader.value()? {
            read(&mut reader, names, "", &mut found)?;
        }
        Ok(found)
    }
}

/// Reads the members of an opened object, whose own name with a dot is `prefix`.
fn read(
    reader: &mut Reader<'_, '_>,
    names: &[&str],
    prefix: &str,
    found: &mut Vec<(usize, Span)>,
) -> Result<(), Error> {
    let body = reader.body();
    while let Some(key) = reader.key()? {
        let value = reader.value()?;
        let named = names.iter().position(|name| name.strip_prefix(prefix).is_some_and(|name| key.is(body, name)));
        let has_members = |name: &&str| name.split_once('.').is_some_and(|(outer, _)| key.is(body, outer));
        let is_empty = match value {
            Value::Null(_) | Value::Bool(false, _) => true,
            Value::Object(_) => reader.is_empty_object(),
            Value::Array(_) => reader.is_empty_array(),
            _ => false,
        };
        match names.iter().copied().find(has_members).and_then(|name| name.split_once('.')) {
            Some((outer, _)) if prefix.is_empty() && matches!(value, Value::Object(_)) => {
                read(reader, names, &format!("{outer}."), found)?;
            }
            _ => reader.walk(value, |_| Ok(()))?,
        }
        if let Some(named) = named.filter(|_| !is_empty) {
            found.push((named, Span::new(value.start(), reader.offset())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_ask_for_something_are_found() {
        let names = ["logprobs", "logit_bias", "echo", "generationConfig.responseLogprobs"];
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
            let members = Request::members(body.as_bytes(), &names, &ParseLimits::default()).unwrap();
            let text = |(name, span): &(usize, Span)| {
                format!("{}={}", names[*name], std::str::from_utf8(span.of(body.as_bytes())).unwrap())
            };
            assert_eq!(members.iter().map(text).collect::<Vec<_>>().join(" "), found, "{body}");
        }
        assert!(Request::members(b"{", &names, &ParseLimits::default()).is_err());
    }
}
