//! Part `identity`: the consumer and the team of a call.

use serde::Deserialize;

/// Sources of the names of consumers and teams.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawIdentity {
    /// Source of the consumer's name: who is charged.
    pub consumer: RawSource,
    /// Source of the team's name.
    #[serde(default)]
    pub team: Option<RawSource>,
    /// Policy for a call without a consumer. Default: `refuse`.
    #[serde(default)]
    pub missing: Missing,
}

/// Source of a name: exactly one of `header`, `attribute` and `jwt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawSource {
    /// Request header that an earlier filter sets (and whose client-sent copy it replaces), e.g. `api_key_auth`'s
    /// `forwarding.header` or `jwt_authn`'s `claim_to_headers`. A header that clients can set lets them choose who is
    /// charged. A request in which it occurs more than once gets 400.
    pub header: Option<String>,
    /// Path of Envoy attributes or metadata, e.g. `[connection, uri_san_peer_certificate]`.
    pub attribute: Option<Vec<String>>,
    /// Path in the metadata of `jwt_authn`: its `payload_in_metadata`, then the claim, e.g. `[payload, sub]`.
    pub jwt: Option<Vec<String>>,
}

/// Policy for a call without a consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The call is refused with 401.
    #[default]
    Refuse,
    /// The call is charged to the consumer `anonymous`.
    Anonymous,
}

/// Validated sources of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Source of the consumer's name.
    pub consumer: Source,
    /// Source of the team's name.
    pub team: Option<Source>,
    /// Policy for a call without a consumer.
    pub missing: Missing,
}

/// Validated source of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Request header, in lower case.
    Header(String),
    /// Path of an Envoy attribute, not empty.
    Attribute(Vec<String>),
}

/// Path of the metadata of Envoy's `jwt_authn`.
const JWT_METADATA: [&str; 3] = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn"];

/// Headers in which SDKs and browsers send credentials. A consumer's name is logged.
const CREDENTIALS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "x-amz-security-token",
];

/// Headers that the routing stage sets.
const OWN_OUTPUT: [&str; 2] = ["x-tollgate-route", "x-tollgate-model"];

impl TryFrom<RawSource> for Source {
    /// Field with the problem, relative to the source (`""`: the source as a whole), and the problem.
    type Error = (&'static str, &'static str);

    fn try_from(raw: RawSource) -> Result<Source, Self::Error> {
        let complete = |path: &[String]| !path.is_empty() && path.iter().all(|step| !step.is_empty());
        match (raw.header, raw.attribute, raw.jwt) {
            (Some(header), None, None) => {
                if header.is_empty() || !header.bytes().all(is_token) {
                    return Err(("header", "not a header name"));
                }
                let header = header.to_ascii_lowercase();
                if CREDENTIALS.contains(&header.as_str()) {
                    return Err(("header", "a header with a credential, which would be logged as the consumer's name"));
                }
                if OWN_OUTPUT.contains(&header.as_str()) {
                    return Err(("header", "a header that Tollgate sets itself"));
                }
                Ok(Source::Header(header))
            }
            (None, Some(path), None) if complete(&path) => Ok(Source::Attribute(path)),
            (None, None, Some(path)) if complete(&path) => {
                Ok(Source::Attribute(JWT_METADATA.into_iter().map(str::to_owned).chain(path).collect()))
            }
            (None, Some(_), None) => Err(("attribute", "must not be empty or have empty elements")),
            (None, None, Some(_)) => Err(("jwt", "must not be empty or have empty elements")),
            _ => Err(("", "must have exactly one of `header`, `attribute` and `jwt`")),
        }
    }
}

/// Returns `true` for a character of a header name (RFC 9110, 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
