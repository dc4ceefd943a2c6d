//! The SDK's side: its dispatcher calls these contexts, which do nothing but pass the call on.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::abi::{self, Buffer};
use crate::config::Configuration;
use crate::logger;
use crate::plugin::{Entry, Plugin};
use crate::property;
use crate::stream::{Step, Stream};
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
                    log::warn!("tollgate: {}: no watchdog: {status}", plugin.name);
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
        // Envoy makes no stream of a plugin whose configuration was refused; should it, the stream is refused too.
        Some(Box::new(Http(Stream::new(id, self.plugin.clone()))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Http(Stream);

impl From<Step> for Action {
    fn from(step: Step) -> Action {
        match step {
            Step::Continue => Action::Continue,
            Step::Hold => Action::Pause,
        }
    }
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        self.0.request_headers(end).into()
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.0.request_body(size, end).into()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.0.request_trailers().into()
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        self.0.response_headers(end).into()
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.0.response_body(size, end).into()
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        self.0.response_trailers().into()
    }

    fn on_log(&mut self) {
        self.0.log();
    }
}
