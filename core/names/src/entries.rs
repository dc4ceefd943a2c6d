//! Named entries of a configuration, with unique names.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// Map of names to values that rejects duplicate names, of which most JSON parsers silently keep the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<T>(pub BTreeMap<String, T>);

impl<T> Default for Entries<T> {
    fn default() -> Entries<T> {
        Entries(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries<T>, D::Error> {
        struct EntriesVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = Entries<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with unique names")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if entries.contains_key(&name) {
                        return Err(de::Error::custom(format_args!("Duplicate name `{name}`")));
                    }
                    entries.insert(name, value);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Entries<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_names_are_an_error() {
        let unique: Entries<u8> = serde_json::from_str(r#"{"a":1,"b":2}"#).unwrap();
        assert_eq!(unique.0.len(), 2);
        let error = serde_json::from_str::<Entries<u8>>(r#"{"a":1,"b":2,"a":1}"#).unwrap_err().to_string();
        assert!(error.contains("Duplicate name `a`"), "{error}");
        assert!(serde_saphyr::from_str::<Entries<u8>>("a: 1\na: 1\n").is_err());
    }
}
