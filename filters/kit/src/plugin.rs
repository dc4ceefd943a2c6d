//! A configured plugin of one virtual machine: a filter and what its streams share.

use std::cell::Cell;
use std::rc::Rc;

use crate::config::{ConfigError, Configuration, Limits};
use crate::filter::Filter;
use crate::metrics::Counter;
use crate::property;
use crate::recent::Recent;
use crate::reply::Reply;
use crate::watchdog::Watchdog;

/// A filter of a module and how it is configured.
#[derive(Clone, Copy)]
pub struct Entry {
    name: fn() -> &'static str,
    configure: fn(&Configuration<'_>) -> Result<Rc<dyn Filter>, ConfigError>,
}

impl Entry {
    /// The entry of a filter type.
    pub const fn of<F: Filter>() -> Entry {
        Entry {
            name: F::name,
            configure: |configuration| F::configure(configuration).map(|filter| Rc::new(filter) as Rc<dyn Filter>),
        }
    }

    /// The filter that a root id chooses. In a module of one filter it is that one, whatever the root id.
    pub(crate) fn choose<'e>(entries: &'e [Entry], root_id: &str) -> Result<&'e Entry, ConfigError> {
        if let [only] = entries {
            return Ok(only);
        }
        entries.iter().find(|entry| (entry.name)() == root_id).ok_or_else(|| {
            let names: Vec<_> = entries.iter().map(|entry| (entry.name)()).collect();
            ConfigError::new(format!("root_id: no filter `{root_id}` in this module; it has {}", names.join(", ")))
        })
    }
}

/// Why something passed, or would have passed, without being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unscanned {
    Path,
    Malformed,
    RequestTooLarge,
    RequestEncoding,
    RequestType,
    RequestForm,
    ResponseMalformed,
    ResponseTooLarge,
    ResponseEncoding,
    ResponseType,
    ResponseTextless,
}

impl Unscanned {
    const ALL: [(Unscanned, &'static str); 11] = [
        (Unscanned::Path, "unknown_path"),
        (Unscanned::Malformed, "request_malformed"),
        (Unscanned::RequestTooLarge, "request_too_large"),
        (Unscanned::RequestEncoding, "request_encoding"),
        (Unscanned::RequestType, "request_type"),
        (Unscanned::RequestForm, "request_form"),
        (Unscanned::ResponseMalformed, "response_malformed"),
        (Unscanned::ResponseTooLarge, "response_too_large"),
        (Unscanned::ResponseEncoding, "response_encoding"),
        (Unscanned::ResponseType, "response_type"),
        (Unscanned::ResponseTextless, "response_textless"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("other", |(_, name)| name)
    }
}

pub(crate) struct Plugin {
    pub(crate) filter: Rc<dyn Filter>,
    pub(crate) name: &'static str,
    pub(crate) parser_limits: tollgate_llm::ParseLimits,
    pub(crate) recent: Rc<Recent>,
    pub(crate) watchdog: Watchdog,
    unscanned: Vec<(Unscanned, Counter)>,
    refused: Vec<(&'static str, Counter)>,
    /// The watchdog has spoken; the log need not repeat it per request.
    pub(crate) unscanned_logged: Cell<bool>,
}

thread_local! {
    // A virtual machine has one thread; its plugins share this, whatever filters they are.
    static RECENT: Rc<Recent> = Rc::default();
}

impl Plugin {
    pub(crate) fn configure(
        entries: &[Entry],
        root_id: &str,
        configuration: &Configuration<'_>,
    ) -> Result<Plugin, ConfigError> {
        let entry = Entry::choose(entries, root_id)?;
        let filter = (entry.configure)(configuration)?;
        let parser_limits = filter.limits().for_parser();
        Ok(Plugin {
            name: (entry.name)(),
            parser_limits,
            filter,
            recent: RECENT.with(Rc::clone),
            watchdog: Watchdog::default(),
            unscanned: Unscanned::ALL
                .iter()
                .map(|&(reason, name)| (reason, Counter::define(&format!("tollgate_unscanned_total.reason.{name}"))))
                .collect(),
            refused: Unscanned::ALL
                .iter()
                .map(|(_, name)| *name)
                .chain(["internal"])
                .map(|name| (name, Counter::define(&format!("tollgate_refused_total.reason.{name}"))))
                .collect(),
            unscanned_logged: Cell::new(false),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.filter.limits()
    }

    /// Reports that something passes without having been read.
    pub(crate) fn report_unscanned(&self, reason: Unscanned) {
        property::set(property::UNSCANNED, reason.name());
        if let Some((_, counter)) = self.unscanned.iter().find(|(r, _)| *r == reason) {
            counter.add(1);
        }
        if !self.unscanned_logged.replace(true) {
            log::warn!(
                "tollgate: {} lets a call pass unscanned ({}), as its `limits` say; further ones are counted in \
                 tollgate_unscanned_total",
                self.name,
                reason.name()
            );
        }
    }

    /// Counts what kit itself has refused, whatever the filter would have said.
    pub(crate) fn count_refused(&self, reason: &str) {
        if let Some((_, counter)) = self.refused.iter().find(|(known, _)| *known == reason) {
            counter.add(1);
        }
    }

    /// One look of the watchdog.
    pub(crate) fn tick(&self) {
        self.watchdog.tick(|dialect| {
            self.count_refused("internal");
            if let Err(status) = Reply::internal().send(dialect) {
                log::error!("tollgate: {}: the held request could not be answered: {status}", self.name);
            }
        });
    }
}
