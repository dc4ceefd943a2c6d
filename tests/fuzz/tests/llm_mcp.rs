//! Messages of the Model Context Protocol: a list without some tools is the same list but for them, and errors are JSON.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use serde_json::Value;
use tollgate_llm::{ApiError, Dialect, ParseLimits, Request, Response, RpcCalls, without_tools};

const SEEDS: &[&[u8]] = &[
    br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},{"name":"xb","inputSchema":{"properties":{"name":{}}}} , {"name":"xc"},{"name":"d"}],"nextCursor":"c"}}"#,
    br#"[{"id":"7","result":{"tools":[{"name":"x"}]}},{"method":"notifications/progress","params":{"progressToken":1}}]"#,
    br#"{"params":{"arguments":{"q":["a",1]},"name":"x"},"method":"tools/call","id":"a\"b","jsonrpc":"2.0"}"#,
    br#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"id":2,"result":{"role":"assistant","content":[{"type":"text","text":"a"}]}}]"#,
];

fn property(body: &[u8]) {
    let limits = ParseLimits::default();
    let is_allowed = |name: &str| !name.starts_with('x');
    if let Ok(Some(shorter)) = without_tools(body, &limits, is_allowed) {
        assert!(shorter.len() < body.len());
        assert_eq!(without_tools(&shorter, &limits, is_allowed), Ok(None));
        if let Ok(mut before) = serde_json::from_slice::<Value>(body) {
            remove(&mut before);
            assert_eq!(serde_json::from_slice::<Value>(&shorter).unwrap(), before);
        }
    }
    if let Ok(response) = Response::parse(Dialect::Mcp, body, &limits) {
        assert!(response.texts.iter().all(|text| text.str.span.end <= body.len()));
    }
    let Ok(request) = Request::parse(Dialect::Mcp, body, &limits) else { return };
    let error = ApiError { status: 403, message: "no", kind: "k", param: None, code: None };
    if let Some(calls) = RpcCalls::of(&request, body) {
        let answer: Value = serde_json::from_slice(&calls.error_body(&error)).unwrap();
        let answers = answer.as_array().map_or(1, Vec::len);
        assert_eq!(answers, request.rpc.iter().filter(|message| message.is_call()).count());
    }
}

/// Removes tools that are not allowed from the lists of a document.
fn remove(value: &mut Value) {
    match value {
        Value::Array(messages) => messages.iter_mut().for_each(one),
        message => one(message),
    }
}

fn one(message: &mut Value) {
    let tools = message.get_mut("result").and_then(|result| result.get_mut("tools"));
    if let Some(Value::Array(tools)) = tools {
        tools.retain(|tool| tool.get("name").and_then(Value::as_str).is_some_and(|name| !name.starts_with('x')));
    }
}

tollgate_fuzz::target!(llm_mcp, SEEDS, property);
