//! The last few requests this virtual machine has parsed.
//!
//! The filters of one chain see the same body one right after the other (each runs when its predecessor lets go, on the
//! same thread), so a handful of entries is enough for the second filter of the bundle to find what the first has
//! parsed. Sameness is proven, not assumed: an entry counts only if every byte is equal. That is exact whatever stands
//! between two filters, needs no key in the stream, costs a `memcmp` where a parse would cost a scan, and makes
//! forgetting after an edit unnecessary: an edited body is another body.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use tollgate_llm::multipart::Scanner;
use tollgate_llm::{Endpoint, Error, ParseLimits, Request};

/// A request body and the view of it.
#[derive(Debug)]
pub struct Parsed {
    /// The bytes that the view's spans point into.
    pub body: Vec<u8>,
    /// The view.
    pub view: Request,
    /// What the path said.
    pub(crate) endpoint: Endpoint,
    /// The body is there to its end; if not, the view has no more than the model.
    pub(crate) is_whole: bool,
    /// Of a form: how far it was read.
    pub(crate) form: Option<Box<Scanner>>,
}

/// Filters of a chain, so that concurrent streams of a worker do not push each other out while they run.
const ENTRIES: usize = 4;
/// Bytes kept between requests; wasm memory never shrinks, so this is memory for good. A larger body is parsed by each
/// filter that needs it.
const KEPT_BYTES: usize = 1 << 20;

#[derive(Default)]
pub(crate) struct Recent {
    entries: RefCell<VecDeque<Rc<Parsed>>>,
}

impl Recent {
    /// The view of a body: one that is there, or a new one.
    pub(crate) fn parse(&self, endpoint: &Endpoint, body: Vec<u8>, limits: &ParseLimits) -> Result<Rc<Parsed>, Error> {
        let known = |entry: &&Rc<Parsed>| entry.endpoint == *endpoint && entry.body == body;
        if let Some(entry) = self.entries.borrow().iter().find(known) {
            return Ok(Rc::clone(entry));
        }
        let view = Request::parse_at(endpoint, &body, limits)?;
        let parsed = Rc::new(Parsed { body, view, endpoint: endpoint.clone(), is_whole: true, form: None });
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

    fn parse(recent: &Recent, body: &str) -> Rc<Parsed> {
        recent.parse(&Endpoint::from(Dialect::OpenAiChat), body.as_bytes().to_vec(), &ParseLimits::default()).unwrap()
    }

    #[test]
    fn the_same_body_is_parsed_once() {
        let recent = Recent::default();
        let first = parse(&recent, r#"{"model":"a","messages":[]}"#);
        assert!(Rc::ptr_eq(&first, &parse(&recent, r#"{"model":"a","messages":[]}"#)));
        assert!(!Rc::ptr_eq(&first, &parse(&recent, r#"{"model":"b","messages":[]}"#)));
    }

    #[test]
    fn what_is_kept_is_bounded_by_count_and_by_bytes() {
        let recent = Recent::default();
        for i in 0..100 {
            parse(&recent, &format!(r#"{{"model":"m{i}","messages":[]}}"#));
        }
        assert_eq!(recent.entries.borrow().len(), ENTRIES);
        let big = |c: &str| format!(r#"{{"messages":[],"user":"{}"}}"#, c.repeat(700 << 10));
        parse(&recent, &big("a"));
        parse(&recent, &big("b"));
        assert_eq!(recent.entries.borrow().len(), 1);
    }
}
