//! Part `firewall.references`: requests that refer to content outside of them.

use serde::Deserialize;
use tollgate_llm::{Reference, ReferenceKind, Request};

use crate::admission::Admission;

/// Maximum number of hosts, and of MCP servers.
const MAX_ENTRIES: usize = 1024;

/// Policy for references: content that the provider loads, and that no rule sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawReferences {
    /// Files stored at the provider: `file_id`, `fileUri`. Default: as `others`.
    pub file: Option<Admission>,
    /// URLs that the provider fetches: `image_url`, `file_url`, `document_url`, sources of the type `url`. Default: `refuse` if there are
    /// `hosts`, else as `others`.
    pub url: Option<Admission>,
    /// Earlier responses, conversations and items: `previous_response_id`, `conversation`, `item_reference`. Default: as `others`.
    pub conversation: Option<Admission>,
    /// Stored prompts and agents: `prompt` with an `id`, `agent_id`. Default: as `others`.
    pub prompt: Option<Admission>,
    /// MCP servers and connectors that the provider calls: `server_url`, `connector_id`, `mcp_servers`. Default: `refuse` if there
    /// are `mcp_servers`, else as `others`.
    pub mcp_server: Option<Admission>,
    /// Containers of tools, and their skills: `container`, `container_id`, `skill_id`. Default: as `others`.
    pub container: Option<Admission>,
    /// Stores of documents: `vector_store_ids`, `fileSearchStoreNames`, `data_sources`. Default: as `others`.
    pub vector_store: Option<Admission>,
    /// Cached content: `cachedContent`. Default: as `others`.
    pub cache: Option<Admission>,
    /// Objects in a cloud's storage: `s3Location`, `gcsUri`, `gs://` URIs. Default: as `others`.
    pub storage: Option<Admission>,
    /// Kinds without a policy of their own. Default: `pass`; `tollgate.unscanned` is `reference`.
    pub others: Option<Admission>,
    /// Hosts whose `http` and `https` URLs pass, whatever `url` is: `images.example.com`, or `*.example.com` for all hosts below it.
    pub hosts: Vec<String>,
    /// MCP servers that pass, whatever `mcp_server` is: hosts, as in `hosts`, and ids of connectors, such as `connector_gmail`.
    pub mcp_servers: Vec<String>,
}

/// Validated policy for references.
#[derive(Clone, Debug, Default)]
pub struct ReferenceRules {
    refused: Vec<ReferenceKind>,
    hosts: Vec<String>,
    mcp_servers: Vec<String>,
}

impl ReferenceRules {
    /// Validates a policy.
    ///
    /// # Errors
    /// The list and the index of an entry that is no host, or id of a connector.
    pub(crate) fn new(raw: RawReferences) -> Result<ReferenceRules, (&'static str, usize)> {
        let lists = [("hosts", &raw.hosts), ("mcp_servers", &raw.mcp_servers)];
        for (name, list) in lists {
            let is_valid = |entry: &String| name == "mcp_servers" && is_connector(entry) || is_host_pattern(entry);
            let invalid = list.iter().position(|entry| !is_valid(entry));
            let invalid = invalid.or_else(|| (list.len() > MAX_ENTRIES).then_some(MAX_ENTRIES));
            if let Some(index) = invalid {
                return Err((name, index));
            }
        }
        let others = raw.others.unwrap_or(Admission::Pass);
        let or_refuse = |list: &[String]| if list.is_empty() { others } else { Admission::Refuse };
        let of = |kind: ReferenceKind| match kind {
            ReferenceKind::File => raw.file.unwrap_or(others),
            ReferenceKind::Url => raw.url.unwrap_or(or_refuse(&raw.hosts)),
            ReferenceKind::Conversation => raw.conversation.unwrap_or(others),
            ReferenceKind::Prompt => raw.prompt.unwrap_or(others),
            ReferenceKind::McpServer => raw.mcp_server.unwrap_or(or_refuse(&raw.mcp_servers)),
            ReferenceKind::Container => raw.container.unwrap_or(others),
            ReferenceKind::VectorStore => raw.vector_store.unwrap_or(others),
            ReferenceKind::Cache => raw.cache.unwrap_or(others),
            ReferenceKind::Storage => raw.storage.unwrap_or(others),
            _ => others,
        };
        let refused = ReferenceKind::ALL.into_iter().filter(|kind| of(*kind) == Admission::Refuse).collect();
        let lower = |list: Vec<String>| list.into_iter().map(|entry| entry.to_ascii_lowercase()).collect();
        Ok(ReferenceRules { refused, hosts: lower(raw.hosts), mcp_servers: lower(raw.mcp_servers) })
    }

    /// Returns `true` if every reference passes.
    pub fn is_empty(&self) -> bool {
        self.refused.is_empty()
    }

    /// Returns the first reference of a request that must not pass.
    pub fn violated<'r>(&self, request: &'r Request, body: &[u8]) -> Option<&'r Reference> {
        if self.is_empty() {
            return None;
        }
        request.references.iter().find(|reference| self.refuses(reference, body))
    }

    fn refuses(&self, reference: &Reference, body: &[u8]) -> bool {
        if !self.refused.contains(&reference.kind) {
            return false;
        }
        let value = reference.value.map(|value| value.decode(body).to_ascii_lowercase());
        let Some(value) = value else { return true };
        match reference.kind {
            ReferenceKind::Url => !host_of(&value).is_some_and(|host| is_listed(&self.hosts, host)),
            ReferenceKind::McpServer => match host_of(&value) {
                Some(host) => !is_listed(&self.mcp_servers, host),
                // A URL whose host is not plain is on no list.
                None => !(is_connector(&value) && self.mcp_servers.contains(&value)),
            },
            _ => true,
        }
    }

    /// Returns the message of a refusal, which names the member of the body.
    pub fn refusal(reference: &Reference, body: &[u8]) -> String {
        let content = match reference.kind {
            ReferenceKind::File => "a stored file",
            ReferenceKind::Url => "a URL",
            ReferenceKind::Conversation => "an earlier response or conversation",
            ReferenceKind::Prompt => "a stored prompt",
            ReferenceKind::McpServer => "an MCP server or connector",
            ReferenceKind::Container => "a container",
            ReferenceKind::VectorStore => "a store of documents",
            ReferenceKind::Cache => "cached content",
            ReferenceKind::Storage => "an object in a cloud's storage",
            _ => "content outside of it",
        };
        let pointer = Request::pointer(body, reference.span);
        format!("The request refers to {content} in `{pointer}`, which this gateway's policy does not allow.")
    }
}

/// Returns `true` if a list has a name, exactly or by a pattern such as `*.example.com`.
fn is_listed(list: &[String], name: &str) -> bool {
    list.iter().any(|entry| match entry.strip_prefix('*') {
        Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        None => name == entry,
    })
}

/// Returns `true` for a host, or a pattern of hosts.
fn is_host_pattern(entry: &str) -> bool {
    let host = entry.strip_prefix("*.").unwrap_or(entry);
    host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && is_host(host)
        || host.eq_ignore_ascii_case("localhost")
}

/// Returns `true` for characters of a host name or an IPv4 address.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// Returns `true` for the id of a connector.
fn is_connector(entry: &str) -> bool {
    entry.starts_with("connector_") && entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the host of a URL in lower case; `None` unless it is plain: with a user, a backslash, an escape or white space, servers
/// disagree about the host.
fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let host = host.strip_suffix('.').unwrap_or(host);
    (is_host(host) && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_llm::{Dialect, ParseLimits};

    fn rules(json: serde_json::Value) -> Result<ReferenceRules, (&'static str, usize)> {
        ReferenceRules::new(serde_json::from_value(json).unwrap())
    }

    #[test]
    fn references_are_refused_by_kind_host_and_server() {
        use serde_json::json;
        let with_url =
            |url: &str| json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]});
        let with_tool = |name: &str, value: &str| json!({"input": "hi", "tools": [{"type": "mcp", name: value}]});
        let image = "/input/0/content/0/image_url";
        for (policy, body, pointer) in [
            (json!({}), json!({"input": "hi", "previous_response_id": "r"}), None),
            (
                json!({"conversation": "refuse"}),
                json!({"input": "hi", "previous_response_id": "r"}),
                Some("/previous_response_id"),
            ),
            (
                json!({"conversation": "refuse"}),
                json!({"input": "hi", "conversation": {"id": "c"}}),
                Some("/conversation"),
            ),
            (json!({"others": "refuse"}), json!({"prompt": {"id": "p"}}), Some("/prompt")),
            (json!({"others": "refuse", "prompt": "pass"}), json!({"prompt": {"id": "p"}}), None),
            (json!({"hosts": ["a.example"]}), with_url("https://a.example/b"), None),
            (json!({"hosts": ["a.example"]}), with_url("HTTPS://A.Example.:443/b"), None),
            (json!({"hosts": ["a.example"]}), with_url("https://b.example/a.example"), Some(image)),
            (json!({"hosts": ["a.example"]}), with_url("https://b.a.example/"), Some(image)),
            (json!({"hosts": ["a.example"]}), with_url("https://a.example@b.example/"), Some(image)),
            (json!({"hosts": ["a.example"]}), with_url("https://b.example\\@a.example/"), Some(image)),
            (json!({"hosts": ["a.example"]}), with_url("https://b.example%2f.a.example"), Some(image)),
            (json!({"hosts": ["a.example"]}), with_url("ftp://a.example/"), Some(image)),
            (json!({"hosts": ["a.example"]}), with_url("https://a.example\t.b.example/"), Some(image)),
            (json!({"hosts": ["*.a.example"]}), with_url("https://b.a.example/"), None),
            (json!({"hosts": ["*.a.example"]}), with_url("https://a.example/"), Some(image)),
            (json!({"hosts": ["*.a.example"]}), with_url("https://ba.example/"), Some(image)),
            (json!({"hosts": ["a.example"], "url": "pass"}), with_url("https://b.example/"), None),
            (json!({"hosts": ["a.example"]}), with_url("data:image/png;base64,aa"), None),
            (json!({"mcp_servers": ["a.example"]}), with_tool("server_url", "https://a.example/mcp"), None),
            (
                json!({"mcp_servers": ["a.example"]}),
                with_tool("server_url", "https://b.example/mcp"),
                Some("/tools/0/server_url"),
            ),
            (json!({"mcp_servers": ["connector_gmail"]}), with_tool("connector_id", "connector_gmail"), None),
            (
                json!({"mcp_servers": ["connector_gmail"]}),
                with_tool("connector_id", "connector_dropbox"),
                Some("/tools/0/connector_id"),
            ),
            (
                json!({"mcp_server": "refuse"}),
                with_tool("server_url", "https://a.example"),
                Some("/tools/0/server_url"),
            ),
            (json!({"hosts": ["a.example"]}), with_tool("server_url", "https://b.example"), None),
        ] {
            let rules = rules(policy.clone()).unwrap();
            let body = body.to_string();
            let request = Request::parse(Dialect::OpenAiResponses, body.as_bytes(), &ParseLimits::default()).unwrap();
            let violated = rules.violated(&request, body.as_bytes());
            let found = violated.map(|reference| Request::pointer(body.as_bytes(), reference.span));
            assert_eq!(found.as_deref(), pointer, "{policy} {body}");
        }
    }

    #[test]
    fn an_entry_that_is_no_host_is_reported() {
        use serde_json::json;
        for (policy, error) in [
            (json!({"hosts": ["a.example", "https://b.example"]}), Some(("hosts", 1))),
            (json!({"hosts": ["*"]}), Some(("hosts", 0))),
            (json!({"hosts": ["*.*.example"]}), Some(("hosts", 0))),
            (json!({"hosts": ["connector_gmail"]}), Some(("hosts", 0))),
            (json!({"mcp_servers": ["gmail"]}), Some(("mcp_servers", 0))),
            (json!({"mcp_servers": ["connector_gmail", "localhost", "10.0.0.1"]}), None),
        ] {
            assert_eq!(rules(policy.clone()).err(), error, "{policy}");
        }
    }
}
