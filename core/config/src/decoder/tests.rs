use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct All {
    bool: bool,
    small: u8,
    large: Option<u64>,
    signed: i64,
    double: f64,
    text: String,
    list: Vec<Option<All>>,
    map: BTreeMap<String, All>,
    mode: Option<Mode>,
    required: Option<Required>,
    wrapped: Wrapped,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Off,
    When(Required),
    Between { low: u8, high: u8 },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Required {
    key: u32,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
struct Wrapped(u16);

fn decode_all(value: &Value) -> Result<All, String> {
    decode(value).map_err(|error: DecodeError| error.to_string())
}

#[test]
fn values_are_decoded_as_serde_json_decodes_them() {
    for value in [
        json!({}),
        json!({"bool": true, "small": 255, "large": u64::MAX, "signed": -5, "double": 0.5, "text": "x"}),
        json!({"large": null, "double": 3, "signed": 3}),
        json!({"list": [null, {"small": 1}], "map": {"a b": {"text": ""}}}),
        json!({"mode": "off"}),
        json!({"mode": {"off": null}}),
        json!({"mode": {"when": {"key": 1}}}),
        json!({"mode": {"between": {"low": 1, "high": 2}}}),
        json!({"wrapped": 9, "required": {"key": 4_294_967_295_u32}}),
    ] {
        assert_eq!(decode_all(&value), serde_json::from_value(value.clone()).map_err(|e| e.to_string()), "{value}");
    }
}

#[test]
fn errors_name_the_path_and_the_problem() {
    for (value, message) in [
        (json!([]), "must be an object, not a list"),
        (json!({"bool": "hunter2"}), "bool: must be true or false, not a string"),
        (json!({"small": 256}), "small: 256 is out of range; must be a whole number"),
        (json!({"small": -1}), "small: -1 is out of range; must be a whole number"),
        (json!({"small": 1.5}), "small: must be a whole number, not a number with a fraction"),
        (json!({"large": "7"}), "large: must be a whole number, not a string"),
        (json!({"text": null}), "text: must be a string, not null"),
        (json!({"text": ["hunter2"]}), "text: must be a string, not a list"),
        (json!({"list": "hunter2"}), "list: must be a list, not a string"),
        (json!({"list": [null, 1]}), "list[1]: must be an object, not a number"),
        (json!({"map": {"a-b": {"small": "x"}}}), "map.\"a-b\".small: must be a whole number, not a string"),
        (json!({"map": []}), "map: must be an object, not a list"),
        (json!({"mode": "on"}), "mode: unknown value `on`; known: `off`, `when`, `between`"),
        (json!({"mode": 1}), "mode: must be a name, not a number"),
        (json!({"mode": {}}), "mode: must be a name, not an object"),
        (json!({"mode": "when"}), "mode: `when` needs a value: write `when: ...`"),
        (json!({"mode": {"off": 1}}), "mode: `off` has no value"),
        (json!({"mode": {"when": {"key": "x"}}}), "mode.when.key: must be a whole number, not a string"),
        (json!({"mode": {"between": {"low": 1}}}), "mode.between: the key `high` is required"),
        (json!({"required": {}}), "required: the key `key` is required"),
        (json!({"required": {"key": 1, "kye": 2}}), "required: unknown key `kye`; known: `key`"),
        (json!({"wrapped": true}), "wrapped: must be a whole number, not true or false"),
    ] {
        assert_eq!(decode_all(&value).unwrap_err(), message, "{value}");
    }
}

/// Any JSON of bounded size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("bool"), Just("small"), Just("large"), Just("signed"), Just("text"), Just("list"), Just("map"), Just("mode"),
        Just("required"), Just("key"), Just("off"), Just("when"), Just("wrapped"), Just("double"),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_json_decodes_is_decoded_and_an_error_leads_to_a_value(value in any_json()) {
        // serde_json also reads a struct from a list of its fields; a configuration never has that form.
        match (decode::<All>(&value), serde_json::from_value::<All>(value.clone())) {
            (Ok(ours), theirs) => prop_assert_eq!(Some(ours), theirs.ok()),
            (Err(error), _) => {
                let mut at = Some(&value);
                for step in error.path().0 {
                    at = at.and_then(|value| match step {
                        Step::Key(key) => value.get(&*key),
                        Step::Index(index) => value.get(index),
                    });
                }
                prop_assert!(at.is_some(), "{} leads nowhere in {}", error, value);
            }
        }
    }
}
