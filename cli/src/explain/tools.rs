//! Tools of the Model Context Protocol: server, methods, and the tools that the consumer may use.

use serde_json::json;
use tollgate_llm::Dialect;
use tollgate_policy::{CompiledPolicy, McpRefusal};

use super::{Call, Stage, View};

/// Explains which messages to an MCP server the policy allows.
pub(super) fn explain(policy: &CompiledPolicy, view: &View<'_>, call: &Call, consumer: Option<&str>) -> Stage {
    let rules = &policy.mcp;
    let server = rules.server(call.path.as_bytes());
    let consumer = consumer.unwrap_or_default();
    let mut lines = vec![match server {
        Some(server) => format!("The server is {server}, the entry of `mcp.servers` with this path."),
        None => "No entry of `mcp.servers` has this path: the server has no name.".to_owned(),
    }];
    if !rules.limits_tools() {
        lines.push("The policy has no list `mcp.allow`: every tool may be used.".to_owned());
    }
    let mut messages = Vec::new();
    for message in &view.request.rpc {
        let Some(method) = message.method.map(|method| method.decode(&view.body)) else {
            lines.push("Response of the client to a request of the server.".to_owned());
            messages.push(json!({ "method": null }));
            continue;
        };
        let kind = if message.is_call() { "Call" } else { "Notification" };
        let mut line = format!("{kind} of {method}");
        let (mut tool, mut allowed) = (None, None);
        if let Some(name) = message.name.map(|name| name.decode(&view.body)) {
            line.push_str(&format!(", {name}"));
            if message.is(&view.body, "tools/call") {
                let is_allowed = rules.is_allowed(consumer, server, &name);
                line.push_str(if is_allowed { ": allowed to the consumer" } else { ": not allowed to the consumer" });
                allowed = Some(is_allowed);
            }
            tool = Some(name);
        }
        if !Dialect::is_mcp_method(&method) {
            line.push_str(" (the protocol has no such method)");
        }
        lines.push(format!("{line}."));
        messages.push(json!({ "method": method, "call": message.is_call(), "name": tool, "allowed": allowed }));
    }
    let stage = Stage::new("tools", lines, json!({ "server": server, "messages": messages }));
    match rules.judge((&view.request, &view.body), call.path.as_bytes(), consumer) {
        Ok(()) => stage,
        Err(McpRefusal { status, message, .. }) => stage.refuse(status, message),
    }
}
