//! Member names and discriminator values of the API.
//!
//! Source: Amazon Bedrock API reference, "CountTokens".

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames { keys: &["input"], kinds: &[] };
