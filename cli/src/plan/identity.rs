//! Source from which a chain takes the consumer's name, so that a test can set it.

use serde_json::Value;

/// Namespace of the metadata that Envoy's `jwt_authn` sets.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// Header that takes the place of an attribute.
pub(super) const SUBSTITUTE: &str = "tollgate-test-consumer";

/// Source of the consumer's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Request header.
    Header(String),
    /// Dynamic metadata: namespace, key, and path within the value.
    Metadata(String, String, Vec<String>),
    /// Attribute that no test can set, e.g. a client certificate. The configuration under test names the header
    /// `SUBSTITUTE` in its place.
    Substitute,
}

impl Identity {
    /// Returns the header that names the consumer.
    pub(super) fn header(&self) -> Option<&str> {
        match self {
            Identity::Header(name) => Some(name),
            Identity::Substitute => Some(SUBSTITUTE),
            Identity::Metadata(..) => None,
        }
    }

    /// Reads the source from a cost-quota configuration, or from the part `identity` of a policy.
    pub(super) fn of(configuration: &Value) -> Option<Identity> {
        let consumer = configuration.get("consumer")?;
        let steps = |list: &'_ Value| -> Option<Vec<String>> {
            Some(list.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        if let Some([key, rest @ ..]) = consumer.get("jwt").and_then(steps).as_deref() {
            return Some(Identity::Metadata(JWT_AUTHN.to_owned(), key.clone(), rest.to_vec()));
        }
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
            // A client certificate, filter state and the like: a header takes the place of what no test can set.
            _ => Identity::Substitute,
        })
    }
}
