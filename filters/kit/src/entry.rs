//! The SDK's contexts: its dispatcher calls them, and they delegate to [`Plugin`] and [`Stream`].

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use tollgate_llm::Dialect;

use crate::abi::{self, Buffer};
use crate::config::Configuration;
use crate::local_reply::LocalReply;
use crate::logger;
use crate::plugin::{Entry, Plugin};
use crate::property;
use crate::stream::{FilterStatus, Stream};
use crate::watchdog::PERIOD_MS;

/// Starts a module; called by `_initialize` of [`filter!`](crate::filter!).
pub fn start(entries: &'static [Entry]) {
    thread_local! {
        static ENTRIES: std::cell::Cell<&'static [Entry]> = const { std::cell::Cell::new(&[]) };
    }
    logger::install();
    ENTRIES.set(entries);
    proxy_wasm::set_root_context(|_| Box::new(Root { entries: ENTRIES.get(), plugin: None }));
}

struct Root {
    entries: &'static [Entry],
    plugin: Option<Rc<Plugin>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        logger::adopt_host_level();
        let root_id = property::attribute(&["plugin_root_id"]).unwrap_or_default();
        let root_id = String::from_utf8_lossy(&root_id).into_owned();
        let text = abi::get_buffer(Buffer::PluginConfiguration, 0, size).unwrap_or_default();
        match Plugin::configure(self.entries, &root_id, &Configuration::new(&text)) {
            Ok(plugin) => {
                if let Err(status) = abi::set_tick_period(PERIOD_MS) {
                    log::warn!("tollgate: {}: watchdog not started: {status}", plugin.name);
                }
                self.plugin = Some(Rc::new(plugin));
                true
            }
            Err(error) => {
                log::error!("tollgate: {root_id}: configuration refused: {error}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.tick();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match &self.plugin {
            Some(plugin) => Box::new(Http::Configured(Stream::new(id, Rc::clone(plugin)))),
            None => Box::new(Http::Unconfigured),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Context of a stream.
enum Http {
    Configured(Stream),
    /// Stream of a plugin whose configuration was refused. Envoy creates none; should it, the stream is refused too.
    Unconfigured,
}

impl From<FilterStatus> for Action {
    fn from(step: FilterStatus) -> Action {
        match step {
            FilterStatus::Continue => Action::Continue,
            FilterStatus::StopIteration => Action::Pause,
        }
    }
}

impl Context for Http {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _: usize) {
        if let Http::Configured(stream) = self {
            stream.callout_response(token, headers, body_size);
        }
    }
}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        match self {
            Http::Configured(stream) => stream.request_headers(end).into(),
            Http::Unconfigured => refuse(),
        }
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        match self {
            Http::Configured(stream) => stream.request_body(size, end).into(),
            Http::Unconfigured => Action::Pause,
        }
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        match self {
            Http::Configured(stream) => stream.request_trailers().into(),
            Http::Unconfigured => Action::Pause,
        }
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        match self {
            Http::Configured(stream) => stream.response_headers(end).into(),
            Http::Unconfigured => Action::Continue,
        }
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        match self {
            Http::Configured(stream) => stream.response_body(size, end).into(),
            Http::Unconfigured => Action::Continue,
        }
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        match self {
            Http::Configured(stream) => stream.response_trailers().into(),
            Http::Unconfigured => Action::Continue,
        }
    }

    fn on_log(&mut self) {
        if let Http::Configured(stream) = self {
            stream.log();
        }
    }
}

/// Refuses a stream of a plugin without a configuration.
#[cold]
fn refuse() -> Action {
    property::set_zero_usage();
    let reply = LocalReply::internal();
    property::set(property::VERDICT, reply.verdict);
    if let Err(status) = reply.send(Dialect::OpenAiChat) {
        log::error!("tollgate: local reply not sent: {status}");
    }
    Action::Pause
}
