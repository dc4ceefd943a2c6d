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
    /// A root's name; its streams look there.
    name: String,
    script: Script,
    script_read: bool,
    /// Number of occurrences of each event.
    counts: BTreeMap<&'static str, u32>,
}

thread_local! {
    static PROBE: RefCell<Probe> = RefCell::default();
}

/// A callback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// Its name in scripts and lines.
    pub(crate) name: &'static str,
    /// Which context the host named.
    pub(crate) context: u32,
    /// Whose rules are followed if not those of `context`: a call's answer comes to the root.
    pub(crate) on_behalf: Option<u32>,
    /// `true` if it ends the message, for events that can.
    pub(crate) end: Option<bool>,
    /// Default return value, which is not logged.
    pub(crate) returns: u32,
}

/// Tells an event, follows the rules for it, and gives back what to return.
pub(crate) fn event(event: Event, arguments: &str) -> u32 {
    // Never entered twice: a host that calls back from within a host call is seen by this line.
    PROBE.with(|probe| match probe.try_borrow_mut() {
        Ok(mut probe) => probe.event(event, arguments),
        Err(_) => {
            line(&format!("? c{} {} came within another callback", event.context, event.name));
            event.returns
        }
    })
}

/// A new context.
pub(crate) fn created(context: u32, parent: u32) {
    PROBE.with_borrow_mut(|probe| {
        probe.contexts.insert(context, Context { parent, ..Context::default() });
    });
}

/// A context that is gone.
pub(crate) fn deleted(context: u32) {
    PROBE.with_borrow_mut(|probe| {
        probe.contexts.remove(&context);
    });
}

/// The configuration of a root.
pub(crate) fn configured(context: u32, text: &[u8]) {
    let script = Script::read(text);
    PROBE.with_borrow_mut(|probe| {
        let context = probe.contexts.entry(context).or_default();
        context.name = script.value("name").unwrap_or_default();
        context.script = script;
    });
}

/// Whose call has this token.
pub(crate) fn caller(token: u32) -> Option<u32> {
    PROBE.with_borrow(|probe| probe.callers.get(&token).copied())
}

fn line(text: &str) {
    abi::log(WARN, &format!("PROBE {text}"));
}

/// Shown at Envoy's log level "warning", so that nothing else needs to be.
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
        // Whoever made a call may be gone when its answer comes.
        let named = if self.contexts.contains_key(&context) { context } else { event.context };
        let who = format!("{} c{}", self.name(named), event.context);
        line(format!("{who} {} {arguments}", event.name).trim_end());
        let mut returns = event.returns;
        for words in self.commands(context, event, nth) {
            let mut run = command::Run { probe: self, context: event.context, on_behalf: context, returns };
            if let Some(told) = run.command(&words) {
                line(&format!("{who} . {told}"));
            }
            returns = run.returns;
        }
        if returns != event.returns {
            line(&format!("{who} = {returns}"));
        }
        returns
    }

    /// The rules of the stream's own request, as soon as its headers can be read.
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
        let of = |context: &Context| context.script.commands(name, event.name, nth, event.end);
        let mut commands = self.root(context).map(of).unwrap_or_default();
        commands.extend(self.contexts.get(&context).filter(|own| own.parent != 0).map(of).unwrap_or_default());
        commands
    }
}
