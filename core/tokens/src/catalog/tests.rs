use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// Returns a base64 table of the 256 bytes and the given merged tokens.
#[cfg(feature = "compile")]
fn table(name: &str, merges: &[&str]) -> String {
    use crate::{Pretokenizer, compile};
    let bytes = (0..=255_u8).map(|byte| vec![byte]);
    let tokens = bytes.chain(merges.iter().map(|merge| merge.as_bytes().to_vec()));
    let file: String = tokens.enumerate().map(|(rank, token)| format!("{} {rank}\n", STANDARD.encode(token))).collect();
    STANDARD.encode(compile::tiktoken(name, Pretokenizer::Llama3, file.as_bytes()).unwrap())
}

fn catalog(json: serde_json::Value) -> Result<Catalog, String> {
    #[derive(Deserialize)]
    #[serde(default, deny_unknown_fields)]
    #[derive(Default)]
    struct Raw {
        aliases: RawAliases,
        tokenizers: Vec<RawTokenizer>,
    }
    let raw: Raw = serde_json::from_value(json).map_err(|error| error.to_string())?;
    Catalog::new(raw.aliases, raw.tokenizers).map_err(|error| error.to_string())
}

#[test]
fn aliases_are_counted_as_their_targets() {
    let catalog = catalog(serde_json::json!({"aliases": {"fast": "gpt-4o", "team-*": "o3"}})).unwrap();
    for (model, upstream, is_exact) in [
        ("fast", "gpt-4o", true),
        ("openai/fast", "gpt-4o", true),
        ("team-a", "o3", true),
        ("o3", "o3", true),
        ("faster", "faster", false),
    ] {
        assert_eq!(catalog.resolve_alias(model), upstream);
        assert_eq!(catalog.profile(model).is_exact(), is_exact, "{model}");
        assert_eq!(catalog.profile(model).tokenizer().name(), "o200k_base", "{model}");
    }
}

#[test]
fn errors_name_the_field() {
    let long = "m".repeat(257);
    let nine = vec![serde_json::json!({"models": ["m"], "table": ""}); 9];
    for (json, words) in [
        (serde_json::json!({"aliases": {"": "m"}}), "aliases.\"\": a model name must not be empty"),
        (serde_json::json!({"aliases": {"a*b": "m"}}), "aliases.\"a*b\": `*` is only allowed at the end"),
        (serde_json::json!({"aliases": {"a": ""}}), "aliases.\"a\": the target must be one model"),
        (serde_json::json!({"aliases": {"a": "b*"}}), "aliases.\"a\": the target must be one model"),
        (serde_json::json!({"aliases": {"a": long}}), "aliases.\"a\": the target must be one model"),
        (serde_json::json!({"aliases": {"a": "b", "b": "a"}}), "aliases.\"a\": the alias leads back to itself"),
        (serde_json::json!({"aliases": ["a"]}), "a map"),
        (serde_json::json!({"tokenizers": nine}), "tokenizers: at most 8"),
        (serde_json::json!({"tokenizers": [{"models": ["m"]}]}), "table"),
        (serde_json::json!({"tokenizers": [{"table": ""}]}), "models"),
        (serde_json::json!({"tokenizers": [{"models": [], "table": "", "file": ""}]}), "file"),
        (
            serde_json::json!({"tokenizers": [{"models": ["m"], "table": "Zm9-"}]}),
            "tokenizers[0].table: not base64, at byte 3",
        ),
        (
            serde_json::json!({"tokenizers": [{"models": ["m"], "table": "Z"}]}),
            "tokenizers[0].table: not base64, or truncated",
        ),
        (
            serde_json::json!({"tokenizers": [{"models": ["m"], "table": "Zm9v"}]}),
            "tokenizers[0].table: not a tokenizer",
        ),
        (
            serde_json::json!({"tokenizers": [{"models": ["m"], "table": "A".repeat(23 << 20)}]}),
            "tokenizers[0].table: more than",
        ),
    ] {
        let error = catalog(json).map(|_| ()).unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
    let twice = serde_json::from_str::<RawAliases>(r#"{"a":"b","a":"c"}"#).unwrap_err().to_string();
    assert!(twice.contains("Duplicate name `a`"), "{twice}");
    let many = Entries((0..=MAX_ALIASES).map(|at| (at.to_string(), "m".to_owned())).collect());
    let error = Catalog::new(many, Vec::new()).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "aliases: at most 4096 aliases");
}

#[cfg(feature = "compile")]
#[test]
fn a_loaded_table_counts_the_models_it_lists() {
    let table = table("small", &["he", "hel", "lo"]);
    // Folded as YAML does.
    let folded: String =
        table.as_bytes().chunks(76).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect();
    let catalog = catalog(serde_json::json!({
        "aliases": {"fast": "llama-3.1-8b"},
        "tokenizers": [{"name": "small", "models": ["llama-3*", "gpt-4o"], "table": folded}],
    }))
    .unwrap();
    for (model, tokens) in [("llama-3.1-8b", 2), ("fast", 2), ("gpt-4o", 2), ("o3", 1), ("llama-2", 1)] {
        let profile = catalog.profile(model);
        assert_eq!(profile.tokenizer().count("hello"), tokens, "{model}");
        assert_eq!(profile.tokenizer().name() == "small", tokens == 2, "{model}");
        // The chat template still comes from the model family.
        assert!(profile.is_exact() || model == "llama-2", "{model}");
    }
}

#[cfg(feature = "compile")]
#[test]
fn plugins_with_the_same_table_share_it() {
    let (one, other) = (table("one", &["he"]), table("other", &["he"]));
    let json = |table: &str| serde_json::json!({"tokenizers": [{"models": ["m"], "table": table}]});
    let bytes = |catalog: &Catalog| catalog.profile("m").tokenizer().table().unwrap().as_ptr();
    let [first, second, third] = [&one, &one, &other].map(|table| catalog(json(table)).unwrap());
    assert_eq!(bytes(&first), bytes(&second));
    assert_ne!(bytes(&first), bytes(&third));
    assert_eq!(LOADED.with_borrow(|loaded| loaded.iter().filter(|held| held.upgrade().is_some()).count()), 2);
    drop((first, second));
    assert_eq!(LOADED.with_borrow(|loaded| loaded.iter().filter(|held| held.upgrade().is_some()).count()), 1);
}

#[cfg(feature = "compile")]
#[test]
fn a_table_under_another_name_is_refused() {
    let raw = |name, models: &[&str]| serde_json::json!({"tokenizers": [{"name": name, "models": models, "table": table("a", &[])}]});
    for (name, models, words) in [
        ("b", &["m"][..], "tokenizers[0].name: the table was compiled as `a`"),
        ("a", &[], "tokenizers[0].models: must not be empty"),
        ("a", &["m", "x*y"], "tokenizers[0].models[1]: `*` is only allowed"),
        ("a", &["m", "m"], "tokenizers[0].models[1]: duplicate model name"),
    ] {
        let error = catalog(raw(name, models)).map(|_| ()).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    assert!(catalog(raw("a", &["m"])).is_ok());
}

#[cfg(feature = "compile")]
#[test]
fn a_table_may_be_gzipped() {
    use std::io::Write;

    let plain = table("small", &["he"]);
    let bytes = STANDARD.decode(&plain).unwrap();
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(&bytes).unwrap();
    let packed = writer.finish().unwrap();
    let load = |bytes: &[u8]| load(STANDARD.encode(bytes));
    assert!(packed.len() < bytes.len() / 50, "{} of {}", packed.len(), bytes.len());
    assert_eq!(load(&packed).unwrap().table(), Some(&bytes[..]));
    let [mut cut, mut changed, mut large] = [packed.clone(), packed.clone(), packed.clone()];
    cut.truncate(packed.len() / 2);
    changed[packed.len() / 2] ^= 1;
    *large.last_mut().unwrap() = 0xFF;
    for bad in [cut, changed, large] {
        assert!(load(&bad).is_err());
    }
}

/// Test vectors of RFC 4648, section 10, also folded and without padding, and invalid base64.
#[test]
fn base64_is_decoded() {
    for (text, bytes) in [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
        ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"),
        ("Zm9vYmE", "fooba"),
        ("Zm9vYg", "foob"),
        (" Zm9v\r\n\tYm E=\n", "fooba"),
    ] {
        assert_eq!(decoded(text.into()), Some(bytes.into()), "{text:?}");
    }
    for text in ["Z", "=", "Z===", "Zg===", "Zm9v=", "Zg==Zg==", "Zm9-", "Zm\u{e9}"] {
        assert_eq!(decoded(text.into()), None, "{text:?}");
    }
    let [padded, plain] = ["Zg==", "Zm9v"].map(|group| [&"Zm9v".repeat(1023), group, "Zm9v"].concat());
    assert_eq!((decoded(padded.into()), decoded(plain.into())), (None, Some("foo".repeat(1025).into())));
}

proptest! {
    #[test]
    fn base64_round_trips_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..20_000), width in 1..200_usize) {
        let text = STANDARD.encode(&bytes);
        let folded = text.as_bytes().chunks(width).collect::<Vec<_>>().join(&b'\n');
        prop_assert_eq!(decoded(folded), Some(bytes));
    }
}
