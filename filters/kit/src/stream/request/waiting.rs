//! A complete request that waits for responses to callouts.
//!
//! Envoy holds the body meanwhile, and it is read and parsed again afterwards: copies of it in here would fill the memory of the
//! virtual machine while a service is slow.

use std::rc::Rc;

use tollgate_llm::content_encoding::ContentEncoding;
use tollgate_llm::multipart::Scanner;
use tollgate_llm::{Edits, Request};

use super::{CallHead, Progress, admission, json};
use crate::call::Call;
use crate::callout::PendingCallouts;
use crate::filter::Exchange;
use crate::local_reply::LocalReply;
use crate::parse_cache::ParsedRequest;
use crate::plugin::Plugin;
use crate::stream::Settlement;

/// Request of an LLM call that waits for responses to callouts.
pub(in crate::stream) struct Waiting {
    pub(super) head: CallHead,
    pub(super) exchange: Box<dyn Exchange>,
    pub(super) streamed: bool,
    /// Edits so far, which apply to the body as Envoy holds it.
    pub(super) edits: Edits,
    /// Bytes of the body that Envoy holds.
    pub(super) size: usize,
    pub(super) encoding: Option<ContentEncoding>,
    /// Scanner of a form, which has its texts.
    pub(super) form: Option<Box<Scanner>>,
    pub(super) callouts: PendingCallouts,
}

impl Waiting {
    /// Handles the response to a callout, with the number of its headers and the size of its body.
    pub(in crate::stream) fn response(
        mut self: Box<Self>,
        plugin: &Rc<Plugin>,
        token: u32,
        headers: usize,
        size: usize,
    ) -> Progress {
        self.callouts.receive(token, headers, size);
        if self.callouts.are_ended() { self.resume(plugin) } else { Progress::Wait(self) }
    }

    /// Lets the filter judge the request by the responses.
    fn resume(mut self, plugin: &Rc<Plugin>) -> Progress {
        let parsed = match self.read(plugin) {
            Ok(parsed) => parsed,
            Err(reply) => {
                let admitted = admission::admitted(self.exchange, self.head, self.streamed);
                return Progress::Fail(admitted, reply);
            }
        };
        let Waiting { head, mut exchange, edits, size, encoding, callouts, .. } = self;
        let mut call = Call::new(plugin, &head.headers, &parsed);
        call.edits = edits;
        let verdict = exchange.on_callouts(&mut call, callouts.results());
        let judged = admission::Judged { exchange, verdict, edited: call.into_edited() };
        admission::conclude(plugin, head, &parsed, judged, (size, encoding))
    }

    /// Reads and parses the body again.
    fn read(&mut self, plugin: &Plugin) -> Result<Rc<ParsedRequest>, Box<LocalReply>> {
        let body = match self.size {
            0 => Vec::new(),
            size => admission::held_body(plugin, size).ok_or_else(|| plugin.internal_error())?,
        };
        let endpoint = &self.head.endpoint;
        if let Some(form) = self.form.take() {
            let view = Request::of_form(endpoint, &form, &body);
            let (endpoint, form) = (endpoint.clone(), Some(form));
            return Ok(Rc::new(ParsedRequest { view, body, endpoint, is_whole: true, form }));
        }
        let parsed = json::parsed(plugin, endpoint, body, self.encoding);
        parsed.map_err(|unreadable| {
            log::error!("tollgate: {}: a request that was readable is not", plugin.name);
            Box::new(unreadable.reply)
        })
    }

    /// Returns the bytes of the body that Envoy holds.
    pub(in crate::stream) fn size(&self) -> usize {
        self.size
    }

    /// Returns the facts by which a call is settled whose stream has ended meanwhile.
    pub(in crate::stream) fn settlement(self) -> Settlement {
        Settlement { exchange: self.exchange, origin: None, succeeded: false, finished: false }
    }
}
