//! Dynamic metadata that a test gives to a request. Envoy's own `header_to_metadata` filter sets it from a header that holds a
//! `google.protobuf.Value` in base64.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::plan::{HeaderList, Suite};

/// Namespaces and keys that the tests of a file use, in order. Each has a header of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Metadata {
    keys: Vec<(String, String)>,
}

impl Metadata {
    pub(super) fn of(suite: &Suite) -> Metadata {
        let exchanges = suite.cases.iter().flat_map(|case| case.exchanges());
        let all = exchanges.flat_map(|exchange| &exchange.request.metadata);
        let keys: BTreeSet<_> =
            all.flat_map(|(space, keys)| keys.keys().map(|key| (space.clone(), key.clone()))).collect();
        Metadata { keys: keys.into_iter().collect() }
    }

    /// Returns the filter, if the tests use metadata.
    pub(super) fn filter(&self) -> Option<Value> {
        let rules: Vec<Value> = self
            .keys
            .iter()
            .enumerate()
            .map(|(at, (namespace, key))| {
                json!({
                    "header": header(at),
                    "on_header_present": {
                        "metadata_namespace": namespace, "key": key, "type": "PROTOBUF_VALUE", "encode": "BASE64",
                    },
                    "remove": true,
                })
            })
            .collect();
        (!rules.is_empty()).then(|| {
            json!({
                "name": "envoy.filters.http.header_to_metadata",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
                    "request_rules": rules,
                },
            })
        })
    }

    /// Returns the headers that give a request its metadata.
    pub(super) fn headers(
        &self,
        metadata: &std::collections::BTreeMap<String, std::collections::BTreeMap<String, Value>>,
    ) -> HeaderList {
        let each = self.keys.iter().enumerate().filter_map(|(at, (namespace, key))| {
            let value = metadata.get(namespace)?.get(key)?;
            Some((header(at), STANDARD.encode(encoded(value)).into_bytes()))
        });
        each.collect()
    }
}

fn header(at: usize) -> String {
    format!("tollgate-test-metadata-{at}")
}

/// Encodes a `google.protobuf.Value` (protobuf's struct.proto). The reader of the file has bounded the depth.
fn encoded(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0],
        Value::Number(number) => {
            let double = number.as_f64();
            debug_assert!(double.is_some(), "numbers convert to f64 without the feature `arbitrary_precision`");
            let mut octets = vec![0x11];
            octets.extend_from_slice(&double.unwrap_or_default().to_le_bytes());
            octets
        }
        Value::String(text) => field(3, text.as_bytes()),
        Value::Bool(truth) => vec![0x20, u8::from(*truth)],
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| {
                field(1, &[field(1, key.as_bytes()), field(2, &encoded(value))].concat())
            };
            field(5, &map.iter().flat_map(entry).collect::<Vec<u8>>())
        }
        Value::Array(list) => field(6, &list.iter().flat_map(|value| field(1, &encoded(value))).collect::<Vec<u8>>()),
    }
}

/// Encodes a length-delimited field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut octets = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        octets.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    octets.push(length as u8);
    octets.extend_from_slice(bytes);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded() {
        // {"sub": "a"}: a Value of field 5, a Struct of one entry of key and Value.
        assert_eq!(encoded(&json!({"sub": "a"})), [0x2a, 12, 10, 10, 10, 3, b's', b'u', b'b', 18, 3, 26, 1, b'a']);
        assert_eq!(encoded(&json!([true, null])), [0x32, 8, 10, 2, 0x20, 1, 10, 2, 8, 0]);
        assert_eq!(encoded(&json!(1.0))[..], [0x11, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(field(3, &[b'x'; 300])[..3], [26, 0xac, 2]);
    }
}
