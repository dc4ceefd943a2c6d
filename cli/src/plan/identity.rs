//! Where a chain looks for the name of the consumer, so that a test can say who asks.

use serde_json::Value;

/// Where the name goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Into a request header.
    Header(String),
    /// Into dynamic metadata: namespace, key, and the path inside of its value.
    Metadata(String, String, Vec<String>),
    /// Somewhere that only a real connection has, e.g. a client certificate.
    Elsewhere(String),
}

impl Identity {
    /// Where a cost-quota configuration says that it is.
    pub(super) fn of(configuration: &Value) -> Option<Identity> {
        let consumer = configuration.get("consumer")?;
        if let Some(header) = consumer.get("header").and_then(Value::as_str) {
            return Some(Identity::Header(header.to_ascii_lowercase()));
        }
        let path: Vec<&str> = consumer.get("attribute")?.as_array()?.iter().filter_map(Value::as_str).collect();
        Some(match path.as_slice() {
            ["metadata", "filter_metadata", namespace, key, rest @ ..] => Identity::Metadata(
                (*namespace).to_owned(),
                (*key).to_owned(),
                rest.iter().map(|segment| (*segment).to_owned()).collect(),
            ),
            _ => Identity::Elsewhere(path.join(".")),
        })
    }
}
