//! Who pays: the name of the consumer, from a source that the operator trusts.

use serde::Deserialize;
use tollgate_kit::{Call, ConfigError, property};

/// Where the name of the consumer comes from: one of `header` and `attribute`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConsumerSource {
    /// A request header that an earlier filter sets (and whose client-sent copy it replaces), e.g. `api_key_auth`'s
    /// `forwarding.header` or `jwt_authn`'s `claim_to_headers`. A header that clients can send by themselves lets them
    /// choose who pays.
    pub header: Option<String>,
    /// A path of Envoy attributes or metadata, e.g. `[metadata, filter_metadata, envoy.filters.http.jwt_authn, payload,
    /// sub]` or `[connection, uri_san_peer_certificate]`.
    pub attribute: Option<Vec<String>>,
    /// What happens to a call without a name. Default: `refuse`.
    pub missing: Missing,
}

/// What happens to a call without a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It is refused with 401.
    #[default]
    Refuse,
    /// All of them are one consumer, `anonymous`.
    Anonymous,
}

/// The name that calls without one have under [`Missing::Anonymous`].
const ANONYMOUS: &str = "anonymous";

#[derive(Debug)]
enum Source {
    Header(String),
    Attribute(Vec<String>),
}

/// Where the name comes from, validated.
#[derive(Debug)]
pub(crate) struct ConsumerSource {
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
            _ => return Err(ConfigError::new("consumer: one of `header` and `attribute` is needed")),
        };
        Ok(ConsumerSource { source, missing: raw.missing })
    }
}

/// RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl ConsumerSource {
    /// The name of a call's consumer; `None`: it has none and must have one.
    pub(crate) fn name(&self, call: &Call<'_>) -> Option<Vec<u8>> {
        let name = match &self.source {
            Source::Header(header) => call.headers().get(header),
            Source::Attribute(path) => property::attribute(path),
        };
        match name.filter(|name| !name.is_empty()) {
            Some(name) => Some(name),
            None => (self.missing == Missing::Anonymous).then(|| ANONYMOUS.as_bytes().to_vec()),
        }
    }
}
