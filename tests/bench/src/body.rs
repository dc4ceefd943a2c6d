//! Bodies of chat requests.

use serde_json::{Value, json};

/// Returns a message as JSON.
pub(crate) fn message(role: &str, text: &str) -> String {
    json!({"role": role, "content": text}).to_string()
}

/// Returns the body of a request with these messages.
pub(crate) fn chat(messages: &[String], is_streamed: bool) -> Vec<u8> {
    let mut settings = json!({"model": "gpt-4o", "temperature": 0.7, "max_tokens": 512});
    if let (true, Value::Object(members)) = (is_streamed, &mut settings) {
        members.insert("stream".into(), true.into());
    }
    let settings = settings.to_string();
    // Joined by hand: a conversation of megabytes is sent again with every turn.
    let mut body = settings.trim_end_matches('}').to_owned();
    body.push_str(",\"messages\":[");
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(message);
    }
    body.push_str("]}");
    body.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_with_the_messages_in_order() {
        let messages = [message("system", "a \"quoted\" text\n"), message("user", "b")];
        let body: Value = serde_json::from_slice(&chat(&messages, false)).unwrap();
        assert_eq!(body["messages"][0], json!({"role": "system", "content": "a \"quoted\" text\n"}));
        assert_eq!(body["messages"][1]["content"], "b");
        assert_eq!((&body["model"], &body["stream"]), (&json!("gpt-4o"), &Value::Null));
        let body: Value = serde_json::from_slice(&chat(&messages, true)).unwrap();
        assert_eq!(body["stream"], true);
    }
}
