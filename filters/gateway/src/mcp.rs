//! Calls of the Model Context Protocol: which tools a consumer may use, and lists without the others.

use std::rc::Rc;

use cost_quota::Input;
use tollgate_kit::{Call, LocalReply, OnUnscannable, Response, StreamAction, Verdict, property};
use tollgate_llm::{Dialect, EventContent, ParseLimits, ParsedEvent, RpcMessage, without_tools};
use tollgate_policy::{CountingMode, McpRefusal};

use crate::transit::{Stage, Transit};

/// Lists of tools in the response to a call: those that the consumer may not use are removed.
pub(crate) struct Listing {
    consumer: String,
    server: Option<String>,
}

/// Result of the removal of tools from a message.
enum Listed {
    Unchanged,
    Changed(Vec<u8>),
    Unreadable,
}

impl Transit {
    /// Returns the reply to a call that the policy does not allow.
    pub(crate) fn allowed_tools(&mut self, call: &Call<'_>, consumer: &[u8]) -> Verdict {
        let gateway = Rc::clone(&self.gateway);
        let rules = &gateway.stages.mcp;
        if call.view().dialect != Dialect::Mcp || rules.is_empty() {
            return Verdict::Continue;
        }
        let (view, body) = (call.view(), call.body());
        let path = call.header(":path").unwrap_or_default();
        let consumer = String::from_utf8_lossy(consumer).into_owned();
        if let Err(McpRefusal { status, code, message }) = rules.judge((view, body), path, &consumer) {
            let reply = LocalReply::new(status, "block", message).with_details("mcp").with_code(code);
            return Verdict::Reply(Box::new(reply));
        }
        // Only `tools/list`, and methods that the protocol does not define, are answered with a list.
        let has_no_list = |message: &RpcMessage| {
            let method = message.method.map(|method| method.decode(body));
            method.is_some_and(|method| method != "tools/list" && Dialect::is_mcp_method(&method))
        };
        if rules.limits_tools() && !gateway.is_audit && (view.rpc.is_empty() || !view.rpc.iter().all(has_no_list)) {
            self.listing = Some(Listing { consumer, server: rules.server(path).map(str::to_owned) });
        }
        Verdict::Continue
    }

    /// Runs the stages behind the inspector on a call: it is counted, and no model is routed.
    pub(crate) fn admit_tools(&mut self, call: &mut Call<'_>, consumer: &[u8]) -> Verdict {
        let gateway = Rc::clone(&self.gateway);
        self.publish_tools(call);
        let verdict = self.tagged(None);
        if let Verdict::Reply(reply) = self.effective(verdict, call) {
            return Verdict::Reply(reply);
        }
        if call.view().lacks_calls() {
            return Verdict::Continue;
        }
        if let Some(counter) = gateway.stages.counter.as_ref().filter(|_| gateway.stages.counting != CountingMode::Off)
        {
            let mut counting = Rc::clone(counter).counting();
            counting.count(call, "");
            self.counting = Some(Stage::new(counting));
        }
        if let Some(quota) = &gateway.stages.quota {
            let mut payment = Rc::clone(quota).payment();
            let verdict = payment.reserve(call, consumer, None, Input::Counted(0));
            if let Verdict::Reply(reply) = self.effective(verdict, call) {
                return Verdict::Reply(reply);
            }
            self.payment = Some(payment);
        }
        Verdict::Continue
    }

    /// Publishes server, method and tool of the first message, as the rules let them pass.
    fn publish_tools(&self, call: &Call<'_>) {
        let body = call.body();
        if let Some(server) = self.gateway.stages.mcp.server(call.header(":path").unwrap_or_default()) {
            property::set_name(property::MCP_SERVER, server);
        }
        let Some(message) = call.view().rpc.first() else { return };
        let Some(method) = message.method.map(|method| method.decode(body)) else { return };
        property::set_name(property::MCP_METHOD, if Dialect::is_mcp_method(&method) { &method } else { "unknown" });
        if let Some(name) = message.name.filter(|_| message.is(body, "tools/call")) {
            property::set_name(property::MCP_TOOL, &name.decode(body));
        }
    }

    /// Removes tools from a message.
    fn without_tools(&self, data: &[u8]) -> Listed {
        let Some(listing) = &self.listing else { return Listed::Unchanged };
        // A plain text, such as that of 202, is no list. A byte order mark may precede one.
        if !matches!(data.trim_ascii_start().first(), Some(b'{' | b'[' | 0xef)) {
            return Listed::Unchanged;
        }
        let rules = &self.gateway.stages.mcp;
        let limits = ParseLimits { max_bytes: data.len(), ..ParseLimits::default() };
        let is_allowed = |tool: &str| rules.is_allowed(&listing.consumer, listing.server.as_deref(), tool);
        match without_tools(data, &limits, is_allowed) {
            Ok(None) => Listed::Unchanged,
            Ok(Some(data)) => Listed::Changed(data),
            Err(_) => Listed::Unreadable,
        }
    }

    /// Judges a response without the tools that the consumer may not use.
    pub(crate) fn on_listed(&mut self, response: &mut Response<'_>) -> Verdict {
        match self.without_tools(response.body()) {
            Listed::Unchanged => self.judge_response(response),
            Listed::Changed(body) => response.replaced(Dialect::Mcp, body, |response| self.judge_response(response)),
            Listed::Unreadable => match self.gateway.limits.on_unscannable {
                OnUnscannable::Refuse => Verdict::Reply(Box::new(LocalReply::unreadable_response())),
                OnUnscannable::Pass => self.judge_response(response),
            },
        }
    }

    /// Judges an event without the tools that the consumer may not use.
    pub(crate) fn on_listed_event(&mut self, event: &ParsedEvent<'_>, out: &mut Vec<u8>) -> StreamAction {
        let listed = match event.content() {
            EventContent::Empty => Listed::Unchanged,
            _ => self.without_tools(event.data()),
        };
        match listed {
            Listed::Unchanged => self.judge_event(event, out),
            Listed::Changed(data) => {
                let mut raw = Vec::new();
                event.event().with_data(&data, &mut raw);
                self.judge_bytes(event.event().framing(), Dialect::Mcp, &raw, |transit, event| {
                    transit.judge_event(event, out)
                })
            }
            Listed::Unreadable if self.gateway.limits.on_unscannable == OnUnscannable::Pass => {
                property::set(property::UNSCANNED, "response_malformed");
                self.judge_event(event, out)
            }
            Listed::Unreadable => StreamAction::Abort(Box::new(LocalReply::unreadable_response())),
        }
    }
}
