//! The life of one stream, whatever the framing: what every filter would otherwise get wrong on its own.
//!
//! The request half ([`request`]) holds the head until the verdict, reads the body once it is complete, and ends with
//! `end_of_stream` or with trailers. The response half ([`response`]) tells local replies from answers of the
//! upstream, holds JSON or frames events as far as the exchange wants to see them, and mends `content-length` on every
//! edit. [`Stream::log`] settles, once, however the stream ended.

mod events;
mod form;
mod head;
mod request;
mod response;

use std::rc::Rc;

use tollgate_llm::content_encoding::ContentEncoding;
use tollgate_llm::multipart::Scanner;
use tollgate_llm::{Dialect, Endpoint};

use crate::filter::Exchange;
use crate::plugin::Plugin;
use crate::property;
use crate::reply::Reply;
use crate::response::{End, Origin};

use form::Rest;
use response::Answer;

/// What Envoy is told to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Continue,
    Hold,
}

/// Where the request stands.
enum Phase {
    /// Head and body are held, so many bytes of the body so far.
    Holding { size: usize, encoding: Option<ContentEncoding> },
    /// A form: head and body are held until its model has come; so many bytes were read.
    Form { size: usize, scanner: Box<Scanner> },
    /// A form that was admitted, of which more comes.
    Rest(Box<Rest>),
    /// Not an LLM call, or one that passes unread.
    Passing,
    /// The verdict was to continue.
    Admitted,
    /// Tollgate has answered in the upstream's place.
    Replied,
}

pub(crate) struct Stream {
    id: u32,
    plugin: Option<Rc<Plugin>>,
    phase: Phase,
    /// This is the first Tollgate filter of the chain.
    edge: bool,
    endpoint: Option<Endpoint>,
    /// The client asked for a streamed answer.
    streamed: bool,
    /// The judgement of an admitted call.
    exchange: Option<Box<dyn Exchange>>,
    origin: Option<Origin>,
    answer: Answer,
    succeeded: bool,
    finished: bool,
}

impl Stream {
    pub(crate) fn new(id: u32, plugin: Option<Rc<Plugin>>) -> Stream {
        Stream {
            id,
            plugin,
            phase: Phase::Passing,
            edge: false,
            endpoint: None,
            streamed: false,
            exchange: None,
            origin: None,
            answer: Answer::Passing,
            succeeded: false,
            finished: false,
        }
    }

    fn dialect(&self) -> Option<Dialect> {
        self.endpoint.as_ref().map(|endpoint| endpoint.dialect)
    }

    /// Answers in the upstream's place. If Envoy refuses even that, the frame stays held: better a stream that times
    /// out than one that passes unread.
    fn reply(&mut self, reply: &Reply) -> Step {
        if self.exchange.is_none() {
            // Not admitted: no exchange will say in `on_log` what the call used.
            property::set_unused();
        }
        self.phase = Phase::Replied;
        self.answer = Answer::Passing;
        if let Err(status) = reply.send(self.dialect().unwrap_or(Dialect::OpenAiChat)) {
            log::error!("tollgate: a reply could not be sent: {status}");
        }
        Step::Hold
    }

    /// The stream is over. Envoy calls this in the order of the chain, once, and not at all if the VM has trapped.
    pub(crate) fn log(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.watchdog.release(self.id);
        }
        if let Some(mut exchange) = self.exchange.take() {
            exchange.on_log(&End::read(self.origin, self.succeeded, self.finished));
        }
    }
}
