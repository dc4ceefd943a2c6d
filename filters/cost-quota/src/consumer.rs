//! The consumer of a call: its name, from a source that the operator trusts.

use serde::Deserialize;
use tollgate_kit::{Call, ConfigError, property};

/// Source of the consumer's name: one of `header` and `attribute`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConsumerSource {
    /// Request header that an earlier filter sets (and whose client-sent copy it replaces), e.g. `api_key_auth`'s
    /// `forwarding.header` or `jwt_authn`'s `claim_to_headers`. A header that clients can set lets them choose who is
    /// charged. A request in which it occurs more than once gets 400.
    pub header: Option<String>,
    /// Path of Envoy attributes or metadata, e.g. `[metadata, filter_metadata, envoy.filters.http.jwt_authn, payload,
    /// sub]` or `[connection, uri_san_peer_certificate]`.
    pub attribute: Option<Vec<String>>,
    /// Policy for a call without a name. Default: `refuse`.
    pub missing: Missing,
}

/// Policy for a call without a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Refuse it with 401.
    #[default]
    Refuse,
    /// Charge it to the consumer `anonymous`.
    Anonymous,
}

/// Name of the consumer of calls without a name under [`Missing::Anonymous`].
const ANONYMOUS: &str = "anonymous";

#[derive(Debug)]
enum Source {
    Header(String),
    Attribute(Vec<String>),
}

/// Validated source of the consumer's name.
#[derive(Debug)]
pub struct ConsumerSource {
    source: Source,
    missing: Missing,
}

impl TryFrom<RawConsumerSource> for ConsumerSource {
    type Error = ConfigError;

    fn try_from(raw: RawConsumerSource) -> Result<ConsumerSource, ConfigError> {
        let source = match (raw.header, raw.attribute) {
            (Some(header), None) => {
                let header = header.to_ascii_lowercase();
                if header.is_empty() || !header.bytes().all(is_token) {
                    return Err(ConfigError::new("consumer.header: not a header name"));
                }
                Source::Header(header)
            }
            (None, Some(path)) if !path.is_empty() => Source::Attribute(path),
            _ => return Err(ConfigError::new("consumer: one of `header` and `attribute` is required")),
        };
        Ok(ConsumerSource { source, missing: raw.missing })
    }
}

/// Returns `true` for a character of a header name (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl ConsumerSource {
    /// Creates the source of a configuration that was validated before: a request header in lower case.
    pub fn from_header(header: String, missing: Missing) -> ConsumerSource {
        ConsumerSource { source: Source::Header(header), missing }
    }

    /// Creates the source of a configuration that was validated before: the path of an attribute.
    pub fn from_attribute(path: Vec<String>, missing: Missing) -> ConsumerSource {
        ConsumerSource { source: Source::Attribute(path), missing }
    }

    /// Returns the header that names the consumer, if a header does.
    pub(crate) fn header(&self) -> Option<&str> {
        match &self.source {
            Source::Header(header) => Some(header),
            Source::Attribute(_) => None,
        }
    }

    /// Returns the name of a call's consumer; `None` if it has none and must have one.
    pub(crate) fn name(&self, call: &Call<'_>) -> Option<Vec<u8>> {
        let name = match &self.source {
            Source::Header(header) => call.header(header).map(<[u8]>::to_vec),
            Source::Attribute(path) => property::attribute(path),
        };
        match name.filter(|name| !name.is_empty()) {
            Some(name) => Some(name),
            None => (self.missing == Missing::Anonymous).then(|| ANONYMOUS.as_bytes().to_vec()),
        }
    }
}
