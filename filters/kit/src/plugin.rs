//! A configured plugin of one virtual machine: a filter and the state that its streams share.

use std::cell::Cell;
use std::rc::Rc;

use crate::Limits;
use crate::clock;
use crate::config::{ConfigError, Configuration};
use crate::filter::{BodyMode, Filter, Verdict};
use crate::held_bytes::HeldBytes;
use crate::local_reply::LocalReply;
use crate::metrics::Counter;
use crate::parse_cache::ParseCache;
use crate::property;
use crate::unreadable::{Disposition, Unreadable, UnreadableRequest};
use crate::watchdog::Watchdog;

/// Filter of a module, with its constructor.
#[derive(Clone, Copy)]
pub struct Entry {
    name: fn() -> &'static str,
    configure: fn(&Configuration<'_>) -> Result<Rc<dyn Filter>, ConfigError>,
}

impl Entry {
    /// Returns the entry of a filter type.
    pub const fn of<F: Filter>() -> Entry {
        Entry {
            name: F::name,
            configure: |configuration| F::configure(configuration).map(|filter| Rc::new(filter) as Rc<dyn Filter>),
        }
    }

    /// Returns the filter that a root id selects. A module of one filter ignores the root id.
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

pub(crate) struct Plugin {
    pub(crate) filter: Rc<dyn Filter>,
    pub(crate) name: &'static str,
    pub(crate) parser_limits: tollgate_llm::ParseLimits,
    pub(crate) parse_cache: Rc<ParseCache>,
    pub(crate) watchdog: Watchdog,
    pub(crate) held_bytes: Rc<HeldBytes>,
    /// Names of the properties that Envoy gets; `None` for all.
    pub(crate) published: Option<Rc<[&'static str]>>,
    unscanned: Vec<(&'static str, Counter)>,
    refused: Vec<(&'static str, Counter)>,
    /// `true` once the log has reported an unscanned call; further ones are only counted.
    unscanned_logged: Cell<bool>,
}

/// Reason in `tollgate_refused_total` for a request beyond `max_held_bytes`.
pub(crate) const OVERLOADED: &str = "overloaded";

thread_local! {
    // A virtual machine has one thread, and all its plugins share these.
    static PARSE_CACHE: Rc<ParseCache> = Rc::default();
    static HELD_BYTES: Rc<HeldBytes> = Rc::default();
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
            published: filter.published().map(|names| names.into_iter().chain(property::INTERNAL).collect()),
            filter,
            parse_cache: PARSE_CACHE.with(Rc::clone),
            watchdog: Watchdog::default(),
            held_bytes: HELD_BYTES.with(Rc::clone),
            unscanned: Unreadable::NAMES
                .into_iter()
                .map(|name| (name, Counter::define(&format!("tollgate_unscanned_total.reason.{name}"))))
                .collect(),
            refused: Unreadable::NAMES
                .into_iter()
                .chain(["internal", OVERLOADED])
                .map(|name| (name, Counter::define(&format!("tollgate_refused_total.reason.{name}"))))
                .collect(),
            unscanned_logged: Cell::new(false),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.filter.limits()
    }

    /// Returns `true` if a request must not hold `own` bytes, see [`HeldBytes::refuses`]. The last eighth is for the responses of
    /// calls that have been admitted.
    pub(crate) fn refuses_request(&self, own: usize, is_complete: bool) -> bool {
        let limit = self.limits().max_held_bytes;
        self.held_bytes.refuses(own, limit - limit / 8, is_complete)
    }

    /// Returns `true` if a response must not hold `own` bytes, see [`HeldBytes::refuses`].
    pub(crate) fn is_over_capacity(&self, own: usize, is_complete: bool) -> bool {
        self.held_bytes.refuses(own, self.limits().max_held_bytes, is_complete)
    }

    /// Decides what happens to a body that cannot be read, and counts or reports it.
    pub(crate) fn dispose(&self, reason: Unreadable, mode: BodyMode) -> Disposition {
        let disposition = reason.disposition(self.limits(), mode);
        match disposition {
            Disposition::Refuse => self.count_refused(reason.name()),
            Disposition::Pass => self.report_unscanned(reason),
        }
        disposition
    }

    /// Decides on a complete request that cannot be read.
    #[cold]
    pub(crate) fn verdict_on(&self, unreadable: UnreadableRequest) -> Verdict {
        match self.dispose(unreadable.reason, BodyMode::Enforce) {
            Disposition::Refuse => Verdict::Reply(Box::new(unreadable.reply)),
            Disposition::Pass => Verdict::Continue,
        }
    }

    /// Counts a failure of the gateway itself, and returns the reply to it.
    #[cold]
    pub(crate) fn internal_error(&self) -> Box<LocalReply> {
        self.count_refused("internal");
        Box::new(LocalReply::internal())
    }

    /// Reports that a body, or a part of it, passes without having been read.
    #[cold]
    pub(crate) fn report_unscanned(&self, reason: Unreadable) {
        property::set(property::UNSCANNED, reason.name());
        if let Some((_, counter)) = self.unscanned.iter().find(|(name, _)| *name == reason.name()) {
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

    /// Counts a refusal by the kit itself, before or in spite of the filter's verdict.
    pub(crate) fn count_refused(&self, reason: &str) {
        if let Some((_, counter)) = self.refused.iter().find(|(known, _)| *known == reason) {
            counter.add(1);
        }
    }

    /// Reads the clock, and runs one check of the watchdog.
    pub(crate) fn tick(&self) {
        clock::tick();
        self.watchdog.tick(|dialect| {
            let reply = self.internal_error();
            property::set(property::VERDICT, reply.verdict);
            if let Err(status) = reply.send(dialect) {
                log::error!("tollgate: {}: local reply to a held request not sent: {status}", self.name);
            }
        });
    }
}
