//! Cache of the last requests that this virtual machine has parsed.
//!
//! The filters of a chain see the same body one right after the other (each runs when its predecessor releases it, on the
//! same thread), so a few entries are enough for the second filter of the bundle to find what the first has parsed. An
//! entry is used only if every byte is equal. That is exact whichever filters run in between, needs no key in the
//! stream, costs a `memcmp` where a parse would cost a scan, and needs no invalidation: an edited body is another body.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use tollgate_llm::multipart::{FormErrorKind, Scanner};
use tollgate_llm::{Edits, Endpoint, Error, ParseLimits, Request};

use crate::headers::Head;
use crate::unreadable::UnreadableRequest;

/// Request body and the view of it.
#[derive(Debug)]
pub struct ParsedRequest {
    /// Bytes that the view's spans point into.
    pub body: Vec<u8>,
    /// View of the request.
    pub view: Request,
    /// API that was called, by the path.
    pub(crate) endpoint: Endpoint,
    /// `true` if `body` is complete. Else the view has only the model.
    pub(crate) is_whole: bool,
    /// Scanner of a form, as far as it was read.
    pub(crate) form: Option<Box<Scanner>>,
}

impl ParsedRequest {
    /// Returns a request that consists of its path.
    pub(crate) fn without_body(endpoint: &Endpoint) -> ParsedRequest {
        let view = Request::of_model(endpoint, None);
        ParsedRequest { body: Vec::new(), view, endpoint: endpoint.clone(), is_whole: true, form: None }
    }

    /// Returns the request with these edits, parsed anew. `head` is the head of the request.
    #[inline(never)]
    pub(crate) fn edited(
        &self,
        head: &Head,
        edits: &Edits,
        limits: &ParseLimits,
    ) -> Result<ParsedRequest, Box<UnreadableRequest>> {
        let (body, endpoint) = (edits.apply(&self.body), self.endpoint.clone());
        let malformed = |error: &dyn std::fmt::Display| Box::new(UnreadableRequest::malformed(error));
        let Some(form) = &self.form else {
            let view = Request::parse_at(&endpoint, &body, limits).map_err(|error| malformed(&error))?;
            return Ok(ParsedRequest { body, view, endpoint, is_whole: self.is_whole, form: None });
        };
        // The client may have arranged its fields so that a redaction joins the parts of a boundary.
        let wanted = endpoint.dialect.form().filter(|_| form.is_same_form(&body));
        let wanted = wanted.ok_or_else(|| malformed(&FormErrorKind::Malformed))?;
        let mut scanner = Scanner::new(&head.get("content-type"), wanted).map_err(|error| malformed(&error))?;
        scanner.push(&body).map_err(|error| malformed(&error))?;
        let view = Request::of_form(&endpoint, &scanner, &body);
        Ok(ParsedRequest { body, view, endpoint, is_whole: self.is_whole, form: Some(Box::new(scanner)) })
    }
}

/// Number of entries: the filters of a chain, so that concurrent streams of a worker do not evict each other's.
const ENTRIES: usize = 4;
/// Bytes kept between requests. Wasm memory never shrinks, so they are taken for good. A larger body is parsed by each
/// filter that needs it.
const KEPT_BYTES: usize = 1 << 20;

#[derive(Default)]
pub(crate) struct ParseCache {
    entries: RefCell<VecDeque<Rc<ParsedRequest>>>,
}

impl ParseCache {
    /// Returns the view of a body, from the cache or parsed anew.
    pub(crate) fn parse(
        &self,
        endpoint: &Endpoint,
        body: Vec<u8>,
        limits: &ParseLimits,
    ) -> Result<Rc<ParsedRequest>, Error> {
        let known = |entry: &&Rc<ParsedRequest>| entry.endpoint == *endpoint && entry.body == body;
        if let Some(entry) = self.entries.borrow().iter().find(known) {
            return Ok(Rc::clone(entry));
        }
        let view = Request::parse_at(endpoint, &body, limits)?;
        let parsed = Rc::new(ParsedRequest { body, view, endpoint: endpoint.clone(), is_whole: true, form: None });
        let mut entries = self.entries.borrow_mut();
        entries.push_front(Rc::clone(&parsed));
        entries.truncate(ENTRIES);
        while entries.iter().map(|entry| entry.body.len()).sum::<usize>() > KEPT_BYTES {
            entries.pop_back();
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_llm::Dialect;

    fn parse(cache: &ParseCache, body: &str) -> Rc<ParsedRequest> {
        cache.parse(&Endpoint::from(Dialect::OpenAiChat), body.as_bytes().to_vec(), &ParseLimits::default()).unwrap()
    }

    #[test]
    fn the_same_body_is_parsed_once() {
        let cache = ParseCache::default();
        let first = parse(&cache, r#"{"model":"a","messages":[]}"#);
        assert!(Rc::ptr_eq(&first, &parse(&cache, r#"{"model":"a","messages":[]}"#)));
        assert!(!Rc::ptr_eq(&first, &parse(&cache, r#"{"model":"b","messages":[]}"#)));
    }

    #[test]
    fn the_cache_is_bounded_by_count_and_by_bytes() {
        let cache = ParseCache::default();
        for i in 0..100 {
            parse(&cache, &format!(r#"{{"model":"m{i}","messages":[]}}"#));
        }
        assert_eq!(cache.entries.borrow().len(), ENTRIES);
        let big = |c: &str| format!(r#"{{"messages":[],"user":"{}"}}"#, c.repeat(700 << 10));
        parse(&cache, &big("a"));
        parse(&cache, &big("b"));
        assert_eq!(cache.entries.borrow().len(), 1);
    }
}
