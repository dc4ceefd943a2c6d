//! Source from which a chain takes the consumer's name, so that a test can set it.

use serde_json::Value;

/// Source of the consumer's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Request header.
    Header(String),
    /// Dynamic metadata: namespace, key, and path within the value.
    Metadata(String, String, Vec<String>),
    /// Attribute of a real connection, e.g. a client certificate, which tests cannot set.
    Elsewhere(String),
}

/// Namespace of the metadata of Envoy's JWT filter.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

impl Identity {
    /// Reads the source from a cost-quota configuration or the part `identity` of a policy.
    pub(super) fn of(configuration: &Value) -> Option<Identity> {
        let consumer = configuration.get("consumer")?;
        if let Some(header) = consumer.get("header").and_then(Value::as_str) {
            return Some(Identity::Header(header.to_ascii_lowercase()));
        }
        let list = |key: &str| -> Option<Vec<&str>> {
            Some(consumer.get(key)?.as_array()?.iter().filter_map(Value::as_str).collect())
        };
        if let Some([key, path @ ..]) = list("jwt").as_deref() {
            let path = path.iter().map(|segment| (*segment).to_owned()).collect();
            return Some(Identity::Metadata(JWT_AUTHN.to_owned(), (*key).to_owned(), path));
        }
        let path = list("attribute")?;
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
