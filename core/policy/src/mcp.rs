//! Part `mcp`: servers of the Model Context Protocol, and who may use their tools.

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_inspect::OneOrMany;
use tollgate_llm::{Dialect, Endpoint, Request};

use crate::admission::Admission;

/// Maximum number of servers, and of patterns of tools in an entry.
const MAX_ENTRIES: usize = 1024;
/// Maximum bytes of the name of a server.
const MAX_NAME_BYTES: usize = 64;

/// Servers of the Model Context Protocol over HTTP, and who may use their tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawMcp {
    /// Servers by name, 1 to 64 of `A-Z a-z 0-9 . _ -`. A path that ends in `/mcp` is read as that of a server without a name,
    /// unless it is here.
    pub servers: BTreeMap<String, RawMcpServer>,
    /// Tools that consumers may use: the union of all entries for a consumer. Others are removed from lists of tools, and calls of
    /// them are refused. Default: all tools.
    pub allow: Option<Vec<RawMcpAllow>>,
    /// Policy for servers without a name. If refused, a call gets an error. Default: `pass`.
    pub on_unknown_server: Option<Admission>,
    /// Policy for methods that the protocol does not define. They are inspected all the same. If refused, a call gets the error
    /// -32601. Default: `pass`.
    pub on_unknown_method: Option<Admission>,
}

/// Server of the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawMcpServer {
    /// Whole path of the server at this gateway, without query: `/mcp/github`.
    pub path: String,
}

/// Tools that some consumers may use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawMcpAllow {
    /// Names of consumers, each exact or with `*` at its end. Default: all.
    #[serde(default)]
    pub consumers: Option<OneOrMany<String>>,
    /// Tools by server and name, each part exact or with `*` at its end: `github/get_*`, `docs/*`, `*/search`.
    pub tools: OneOrMany<String>,
}

/// Reason why a request to an MCP server is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct McpRefusal {
    /// HTTP status that the refusal has in other dialects.
    pub status: u16,
    /// Machine-readable code.
    pub code: &'static str,
    /// Message for people.
    pub message: &'static str,
}

/// Validated part `mcp`.
#[derive(Clone, Debug, Default)]
pub struct McpRules {
    /// Servers: name and path.
    servers: Vec<(String, String)>,
    /// Entries: names of consumers, `None` for all, and patterns of server and tool. `None`: all tools are allowed.
    allow: Option<Vec<Allowed>>,
    refuses_servers: bool,
    refuses_methods: bool,
}

#[derive(Clone, Debug)]
struct Allowed {
    consumers: Option<Vec<String>>,
    tools: Vec<(String, String)>,
}

impl McpRules {
    /// Validates the part.
    ///
    /// # Errors
    /// The path of a value below `mcp`, and its problem.
    pub(crate) fn new(raw: RawMcp, has_identity: bool) -> Result<McpRules, (String, String)> {
        let mut servers: Vec<(String, String)> = Vec::new();
        for (name, RawMcpServer { path }) in raw.servers {
            let at = format!("servers.\"{name}\"");
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(is_name) {
                return Err((at, "expected a name of 1 to 64 of `A-Z a-z 0-9 . _ -`".to_owned()));
            }
            let is_path = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%' | b'\\' | b';');
            let is_whole = path.starts_with('/') && path.len() > 1 && path.bytes().all(is_path);
            if !is_whole || path.split('/').any(|segment| matches!(segment, "." | "..")) {
                return Err((format!("{at}.path"), "expected a whole path, such as `/mcp/github`".to_owned()));
            }
            if let Some((other, _)) = servers.iter().find(|(_, own)| is_same(own, &path)) {
                return Err((format!("{at}.path"), format!("the server `{other}` has the same path")));
            }
            if servers.len() >= MAX_ENTRIES {
                return Err((at, format!("expected at most {MAX_ENTRIES} servers")));
            }
            servers.push((name, path));
        }
        let mut allow = raw.allow.as_ref().map(|_| Vec::new());
        for (index, entry) in raw.allow.unwrap_or_default().into_iter().enumerate() {
            let at = format!("allow[{index}]");
            if entry.consumers.is_some() && !has_identity {
                let problem = "the list contains no call: no `identity` says which consumer calls";
                return Err((format!("{at}.consumers"), problem.to_owned()));
            }
            let is_pattern = |part: &str| !part.is_empty() && !part.strip_suffix('*').unwrap_or(part).contains('*');
            if entry.consumers.iter().flat_map(|list| &list.0).any(|consumer| !is_pattern(consumer)) {
                let problem = "expected names that are exact or end in `*`";
                return Err((format!("{at}.consumers"), problem.to_owned()));
            }
            if entry.tools.0.len() > MAX_ENTRIES {
                return Err((format!("{at}.tools"), format!("expected at most {MAX_ENTRIES} tools")));
            }
            let mut tools = Vec::new();
            for tool in entry.tools.0 {
                let path = format!("{at}.tools");
                let Some((server, name)) = tool.split_once('/') else {
                    return Err((path, "expected a server and a tool, such as `github/get_*`".to_owned()));
                };
                if !is_pattern(server) || !is_pattern(name) {
                    return Err((path, "expected names that are exact or end in `*`".to_owned()));
                }
                if !servers.iter().any(|(own, _)| is_match(server, own)) && server != "*" {
                    return Err((path, "no entry of `mcp.servers` has this name".to_owned()));
                }
                tools.push((server.to_owned(), name.to_owned()));
            }
            if let Some(allow) = &mut allow {
                allow.push(Allowed { consumers: entry.consumers.map(|list| list.0), tools });
            }
        }
        let refuses = |admission: Option<Admission>| admission == Some(Admission::Refuse);
        Ok(McpRules {
            servers,
            allow,
            refuses_servers: refuses(raw.on_unknown_server),
            refuses_methods: refuses(raw.on_unknown_method),
        })
    }

    /// Returns `true` if calls of the protocol pass whatever they are.
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && !self.refuses_servers && !self.refuses_methods
    }

    /// Detects a call on one of the servers.
    pub fn endpoint(&self, method: &[u8], path: &[u8]) -> Option<Endpoint> {
        if self.servers.is_empty() {
            return None;
        }
        Endpoint::of_mcp_server(method, path, self.servers.iter().map(|(_, own)| own.as_str()))
            .map(|(endpoint, _)| endpoint)
    }

    /// Returns the name of the server at a path.
    pub fn server(&self, path: &[u8]) -> Option<&str> {
        let paths = self.servers.iter().map(|(_, own)| own.as_str());
        let (_, at) = Endpoint::of_mcp_server(b"POST", path, paths)?;
        self.servers.get(at).map(|(name, _)| name.as_str())
    }

    /// Judges a request of a consumer to the server at a path.
    ///
    /// # Errors
    /// The reason why the policy does not allow it.
    pub fn judge(&self, (view, body): (&Request, &[u8]), path: &[u8], consumer: &str) -> Result<(), McpRefusal> {
        let refused = |status, code, message| Err(McpRefusal { status, code, message });
        let server = self.server(path);
        if server.is_none() && self.refuses_servers {
            return refused(403, "unknown_server", "This gateway's policy does not name this MCP server.");
        }
        for message in &view.rpc {
            let Some(method) = message.method.map(|method| method.decode(body)) else { continue };
            if self.refuses_methods && !Dialect::is_mcp_method(&method) {
                let why = "This gateway does not let methods pass that the protocol lacks.";
                return refused(404, "unknown_method", why);
            }
            let tool = message.name.map(|name| name.decode(body));
            let is_allowed = |tool: &str| self.is_allowed(consumer, server, tool);
            // Some servers ignore the case.
            if method.trim().eq_ignore_ascii_case("tools/call") && !tool.is_some_and(|tool| is_allowed(&tool)) {
                let why = "This gateway's policy does not allow this tool to this caller.";
                return refused(403, "tool_not_allowed", why);
            }
        }
        Ok(())
    }

    /// Returns `true` if the tools are limited.
    pub fn limits_tools(&self) -> bool {
        self.allow.is_some()
    }

    /// Returns `true` if a consumer may use a tool of a server, which may have no name.
    pub fn is_allowed(&self, consumer: &str, server: Option<&str>, tool: &str) -> bool {
        let Some(allow) = &self.allow else { return true };
        let is_of = |list: &Option<Vec<String>>| {
            list.as_ref().is_none_or(|list| list.iter().any(|name| is_match(name, consumer)))
        };
        let is_tool = |(own, name): &(String, String)| {
            let is_server = own == "*" || server.is_some_and(|server| is_match(own, server));
            is_server && is_match(name, tool)
        };
        allow.iter().any(|entry| is_of(&entry.consumers) && entry.tools.iter().any(is_tool))
    }
}

/// Returns `true` if a name matches a pattern: exact, or with `*` at its end.
fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

/// Returns `true` for paths that are matched alike.
fn is_same(own: &str, other: &str) -> bool {
    Endpoint::of_mcp_server(b"POST", own.as_bytes(), std::iter::once(other)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(json: serde_json::Value) -> Result<McpRules, (String, String)> {
        McpRules::new(serde_json::from_value(json).unwrap(), true)
    }

    #[test]
    fn tools_are_allowed_by_consumer_server_and_name() {
        let rules = rules(json!({
            "servers": {"github": {"path": "/mcp/github"}, "docs": {"path": "/docs/mcp"}},
            "allow": [
                {"consumers": ["ci", "bot-*"], "tools": ["github/get_*", "github/search"]},
                {"tools": "docs/*"},
                {"consumers": "admin", "tools": ["*/*"]},
            ],
        }))
        .unwrap();
        for (consumer, server, tool, want) in [
            ("ci", Some("github"), "get_issue", true),
            ("bot-7", Some("github"), "search", true),
            ("ci", Some("github"), "searches", false),
            ("ci", Some("github"), "GET_issue", false),
            ("ci", Some("docs"), "read", true),
            ("eve", Some("docs"), "read", true),
            ("eve", Some("github"), "get_issue", false),
            ("", Some("github"), "search", false),
            ("ci", None, "get_issue", false),
            ("admin", None, "anything", true),
        ] {
            assert_eq!(rules.is_allowed(consumer, server, tool), want, "{consumer} {server:?} {tool}");
        }
        assert_eq!(rules.server(b"/mcp//GitHub?x"), Some("github"));
        assert_eq!(rules.server(b"/mcp"), None);
        assert!(McpRules::default().is_allowed("eve", None, "x") && McpRules::default().is_empty());
    }

    #[test]
    fn values_that_are_not_valid_are_reported() {
        let servers = json!({"a": {"path": "/a"}});
        for (raw, want) in [
            (json!({"servers": {"a b": {"path": "/a"}}}), Some("servers.\"a b\"")),
            (json!({"servers": {"a": {"path": "a"}}}), Some("servers.\"a\".path")),
            (json!({"servers": {"a": {"path": "/a?b"}}}), Some("servers.\"a\".path")),
            (json!({"servers": {"a": {"path": "/a/../b"}}}), Some("servers.\"a\".path")),
            (json!({"servers": {"a": {"path": "/x"}, "b": {"path": "/X/"}}}), Some("servers.\"b\".path")),
            (json!({"servers": servers, "allow": [{"tools": "a"}]}), Some("allow[0].tools")),
            (json!({"servers": servers, "allow": [{"tools": "b/x"}]}), Some("allow[0].tools")),
            (json!({"servers": servers, "allow": [{"tools": "a/x*y"}]}), Some("allow[0].tools")),
            (json!({"servers": servers, "allow": [{"tools": ["a/x", "*/y*"]}]}), None),
            (json!({"servers": servers, "allow": []}), None),
        ] {
            assert_eq!(rules(raw.clone()).err().map(|(at, _)| at).as_deref(), want, "{raw}");
        }
        let raw = serde_json::from_value(json!({"allow": [{"consumers": "a", "tools": "*/*"}]})).unwrap();
        assert!(McpRules::new(raw, false).is_err());
        assert!(!rules(json!({"allow": []})).unwrap().is_allowed("a", None, "x"));
    }
}
