//! State of the probe between callbacks.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::script::Script;
use crate::{abi, command};

/// Probe of one virtual machine.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    contexts: BTreeMap<u32, Context>,
    /// Context that made a call, by token.
    pub(crate) callers: BTreeMap<u32, u32>,
    /// Last id of every metric, by name.
    pub(crate) metrics: BTreeMap<Vec<u8>, u32>,
    /// Last token, queue id and compare-and-swap number of the host.
    pub(crate) last: Last,
}

/// Last values that the host returned, which commands use by default.
#[derive(Debug, Default)]
pub(crate) struct Last {
    pub(crate) token: u32,
    pub(crate) queue: u32,
    pub(crate) cas: u32,
}

#[derive(Debug, Default)]
struct Context {
    /// Id of the parent context; 0 for a root.
    parent: u32,
    /// Name of a root context. A stream uses that of its root.
    name: String,
    script: Script,
    /// `true` once the script in the stream's request was read.
    script_read: bool,
    /// Number of occurrences of each event.
    counts: BTreeMap<&'static str, u32>,
}

thread_local! {
    static PROBE: RefCell<Probe> = RefCell::default();
}

/// Callback of the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// Name in scripts and in the log.
    pub(crate) name: &'static str,
    /// Context that the host passed.
    pub(crate) context: u32,
    /// Context whose rules apply, if not those of `context`: the host passes the root for the response to a call.
    pub(crate) on_behalf: Option<u32>,
    /// `true` if the event ends the message; `None` for events that cannot.
    pub(crate) end: Option<bool>,
    /// Default return value, which is not logged.
    pub(crate) returns: u32,
}

/// Logs an event, executes its rules, and returns the callback's return value.
pub(crate) fn event(event: Event, arguments: &str) -> u32 {
    // The probe is not reentrant: a host that makes a callback during a host call is logged.
    PROBE.with(|probe| match probe.try_borrow_mut() {
        Ok(mut probe) => probe.event(event, arguments),
        Err(_) => {
            line(&format!("? c{} {} came within another callback", event.context, event.name));
            event.returns
        }
    })
}

/// Adds a context.
pub(crate) fn created(context: u32, parent: u32) {
    PROBE.with_borrow_mut(|probe| {
        probe.contexts.insert(context, Context { parent, ..Context::default() });
    });
}

/// Removes a context.
pub(crate) fn deleted(context: u32) {
    PROBE.with_borrow_mut(|probe| {
        probe.contexts.remove(&context);
    });
}

/// Sets the configuration of a root context.
pub(crate) fn configured(context: u32, text: &[u8]) {
    let script = Script::read(text);
    PROBE.with_borrow_mut(|probe| {
        let context = probe.contexts.entry(context).or_default();
        context.name = script.value("name").unwrap_or_default();
        context.script = script;
    });
}

/// Returns the context that made the call with this token.
pub(crate) fn caller(token: u32) -> Option<u32> {
    PROBE.with_borrow(|probe| probe.callers.get(&token).copied())
}

fn line(text: &str) {
    abi::log(WARN, &format!("PROBE {text}"));
}

/// Log level of the trace. With Envoy's own level at "warning", nothing below it is logged.
const WARN: u32 = 3;

impl Probe {
    fn event(&mut self, event: Event, arguments: &str) -> u32 {
        let context = event.on_behalf.unwrap_or(event.context);
        self.read_script(context);
        let nth = self.contexts.get_mut(&context).map_or(1, |context| {
            let count = context.counts.entry(event.name).or_default();
            *count += 1;
            *count
        });
        // The context that made a call may be deleted before the response arrives.
        let named = if self.contexts.contains_key(&context) { context } else { event.context };
        let who = format!("{} c{}", self.name(named), event.context);
        line(format!("{who} {} {arguments}", event.name).trim_end());
        let mut returns = event.returns;
        for words in self.commands(context, event, nth) {
            let mut run = command::Run { probe: self, context: event.context, on_behalf: context, returns };
            if let Some(result) = run.command(&words) {
                line(&format!("{who} . {result}"));
            }
            returns = run.returns;
        }
        if returns != event.returns {
            line(&format!("{who} = {returns}"));
        }
        returns
    }

    /// Reads the script in the stream's request, once its headers are available.
    fn read_script(&mut self, context: u32) {
        let Some(context) = self.contexts.get_mut(&context) else { return };
        if context.parent != 0
            && !context.script_read
            && let (0, Some(text)) = abi::map_value(0, b"x-probe")
        {
            context.script = Script::read(&text);
            context.script_read = true;
        }
    }

    fn root(&self, context: u32) -> Option<&Context> {
        let own = self.contexts.get(&context)?;
        if own.parent == 0 { Some(own) } else { self.contexts.get(&own.parent) }
    }

    fn name(&self, context: u32) -> &str {
        self.root(context).map(|root| root.name.as_str()).filter(|name| !name.is_empty()).unwrap_or("-")
    }

    fn commands(&self, context: u32, event: Event, nth: u32) -> Vec<Vec<Vec<u8>>> {
        let name = self.name(context);
        let of_context = |context: &Context| context.script.commands(name, event.name, nth, event.end);
        let mut commands = self.root(context).map(of_context).unwrap_or_default();
        commands.extend(self.contexts.get(&context).filter(|own| own.parent != 0).map(of_context).unwrap_or_default());
        commands
    }
}
