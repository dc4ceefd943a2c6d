//! Early reading of the requested model, without parsing the whole body.

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ErrorKind, ParseLimits, Request, Str};

impl Request {
    /// Returns the requested model from as little of the body as possible: the scan ends with the member `model` of the
    /// top-level object, where every dialect that names the model in the body has it. `None` if there is none; the body
    /// was then scanned to its end.
    ///
    /// The bytes before the model are checked as strictly as by [`Request::parse`]. The bytes after it are **not read
    /// at all**: neither whether they are JSON, nor whether they name a second model, which a receiver may prefer. Use
    /// this for early decisions, or where the whole body is parsed elsewhere on its way; to admit requests by their
    /// model, parse the whole body.
    ///
    /// # Errors
    /// Same as [`Request::parse`], for the bytes that were read; the size limit applies to the whole body.
    pub fn model_only(body: &[u8], limits: &ParseLimits) -> Result<Option<Str>, Error> {
        let mut scratch = Scratch::default();
        let mut reader = Reader::new(body, limits, Side::Request, &mut scratch)?;
        match reader.value()? {
            Value::Object(_) => {}
            value => return Err(Error::new(ErrorKind::WrongType("body"), value.start())),
        }
        while let Some((_, name)) = reader.field(&["model"])? {
            match (name, reader.value()?) {
                ("model", Value::String(str)) => return Ok(Some(str)),
                ("model", value) => return Err(Error::new(ErrorKind::WrongType("model"), value.start())),
                (_, value) => reader.walk(value, |_| Ok(()))?,
            }
        }
        reader.end()?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(body: &str) -> Result<Option<String>, ErrorKind> {
        let found = Request::model_only(body.as_bytes(), &ParseLimits::default());
        found.map(|model| model.map(|str| str.decode(body.as_bytes()).into_owned())).map_err(|error| error.kind)
    }

    #[test]
    fn reads_only_the_member_of_the_top_object() {
        for (body, want) in [
            (r#"{"model":"m","messages":[]}"#, Some("m")),
            (r#" { "mod\u0065l" : "gpt\u002d4o" } "#, Some("gpt-4o")),
            (r#"{"messages":[{"model":"inner"}],"metadata":{"model":"inner"},"model":"outer"}"#, Some("outer")),
            (r#"{"messages":["model","m"]}"#, None),
            ("{}", None),
        ] {
            assert_eq!(model(body), Ok(want.map(str::to_owned)), "{body}");
        }
    }

    #[test]
    fn bytes_before_the_model_are_checked_strictly() {
        use ErrorKind::{
            AmbiguousKey, ControlCharacter, DuplicateKey, Empty, LoneSurrogate, Syntax, TooDeep, TrailingData,
            UnexpectedEnd, WrongType,
        };
        let deep = format!("{{\"a\":{},\"model\":\"m\"}}", "[".repeat(64));
        for (body, want) in [
            ("", Empty),
            ("[]", WrongType("body")),
            (r#"{"model":null}"#, WrongType("model")),
            (r#"{"Model":"a","model":"b"}"#, AmbiguousKey),
            (r#"{"a":1,"\u0061":2,"model":"m"}"#, DuplicateKey),
            (r#"{"a":{"b":1,"b":2},"model":"m"}"#, DuplicateKey),
            (r#"{"a":"\ud83d","model":"m"}"#, LoneSurrogate),
            ("{\"a\":\"\t\",\"model\":\"m\"}", ControlCharacter),
            (r#"{"a":[1,],"model":"m"}"#, Syntax),
            (r#"{"a":1"#, UnexpectedEnd),
            (r#"{"a":1} {"model":"m"}"#, TrailingData),
            (&deep, TooDeep),
        ] {
            assert_eq!(model(body), Err(want), "{body}");
        }
    }

    #[test]
    fn bytes_after_the_model_are_not_read() {
        let body = [br#"{"model":"m","a":"#.as_slice(), &[0xff; 1 << 20]].concat();
        let str = Request::model_only(&body, &ParseLimits::default()).unwrap().unwrap();
        assert_eq!(str.decode(&body), "m");
        let error = Request::model_only(&body, &ParseLimits { max_bytes: 1 << 20, ..ParseLimits::default() });
        assert_eq!(error.unwrap_err().kind, ErrorKind::TooLarge);
    }
}
