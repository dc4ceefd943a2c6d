use super::*;
use crate::dimension::Dimension::{self, *};
use crate::unit_price::UnitPrice;

fn usd(price: &ModelPrice, dimension: Dimension) -> UnitPrice {
    price.price(dimension, None, 0)
}

fn dollars(dollars: u64) -> UnitPrice {
    UnitPrice(dollars * 1_000_000_000)
}

fn table(yaml: &str) -> Result<PriceTable, String> {
    let raw: RawPrices = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    PriceTable::new(raw).map_err(|error| error.to_string())
}

#[test]
fn yaml_and_json_give_the_same_table() {
    let yaml = table("gpt-4o: { input: 2.50, cached_input: \"1.25\", output: 10 }").unwrap();
    let json: RawPrices =
        serde_json::from_str(r#"{"gpt-4o":{"input":2.5,"cached_input":1.25,"output":"10.00"}}"#).unwrap();
    assert_eq!(PriceTable::new(json).unwrap(), yaml);
    let price = yaml.find("gpt-4o", None).unwrap();
    assert_eq!(
        (usd(&price, Input), usd(&price, CachedInput), usd(&price, Output)),
        (UnitPrice(2_500_000_000), UnitPrice(1_250_000_000), dollars(10))
    );
    assert!(!yaml.is_empty());
}

#[test]
fn cache_prices_default_to_the_input_price() {
    for (fields, prices) in [
        ("", [3, 3, 3]),
        ("cached_input: 0,", [0, 3, 3]),
        ("cached_input: 1,", [1, 3, 3]),
        ("cache_write: 4,", [3, 4, 4]),
        ("cache_write_1h: 6,", [3, 3, 6]),
        ("cache_write: 0, cache_write_1h: 6,", [3, 0, 6]),
        ("cached_input: 1, cache_write: 4, cache_write_1h: 6,", [1, 4, 6]),
    ] {
        let table = table(&format!("m: {{ input: 3, {fields} output: 5 }}")).unwrap();
        let price = table.find("m", None).unwrap();
        let found = [CachedInput, CacheWrite, CacheWrite1h].map(|dimension| usd(&price, dimension));
        assert_eq!(found, prices.map(dollars), "{fields}");
    }
}

#[test]
fn finds_exact_undated_and_prefix_names() {
    let table = table(
        "\"*\": { input: 1, output: 0 }\n\
         \"gpt-4o*\": { input: 2, output: 0 }\n\
         gpt-4o: { input: 3, output: 0 }\n\
         gpt-4o-2024-05-13: { input: 4, output: 0 }\n\
         \"gpt-4o-mini*\": { input: 5, output: 0 }\n\
         \"gpt-4o-2025*\": { input: 6, output: 0 }\n\
         claude-3-5-sonnet: { input: 7, output: 0 }\n\
         \"tie*\": { input: 8, output: 0 }\n\
         tie: { input: 9, output: 0 }\n",
    )
    .unwrap();
    for (model, input) in [
        ("gpt-4o", 3),
        ("gpt-4o-2024-08-06", 3),
        ("gpt-4o-2024-05-13", 4),
        ("gpt-4o-2025-01-01", 6),
        ("gpt-4o-2024-13-06", 2),
        ("gpt-4o-2024-08-32", 2),
        ("gpt-4o-2024-08-00", 2),
        ("gpt-4o-audio", 2),
        ("gpt-4o-mini", 5),
        ("gpt-4o-mini-2024-07-18", 5),
        ("claude-3-5-sonnet-20241022", 7),
        ("claude-3-5-sonnet@20241022", 7),
        ("claude-3-5-sonnet@99999999", 1),
        ("claude-3-5-sonnet-latest", 7),
        ("openai/gpt-4o", 3),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", 7),
        ("anthropic/claude-4", 1),
        ("gpt-4-0613", 1),
        ("tie-20250101", 9),
        ("tier", 8),
        ("-20241022", 1),
        ("é-2024-08-06", 1),
        ("GPT-4o", 3),
        ("OpenAI/GPT-4o-Mini-2024-07-18", 5),
        ("", 1),
    ] {
        assert_eq!(table.find(model, None).map(|price| usd(&price, Input)), Some(dollars(input)), "{model}");
    }
}

#[test]
fn an_unknown_model_has_no_price() {
    let table = table("gpt-4o: { input: 3, output: 0 }").unwrap();
    assert_eq!(table.find("gpt-4", None), None);
    assert_eq!(table.find("gpt-4o-mini", None), None);
    assert!(PriceTable::default().is_empty());
}

#[test]
fn a_fine_tuned_model_has_its_own_price() {
    let prices = table("gpt-4o: { input: 3, output: 0 }\n\"ft:gpt-4o-mini\": { input: 1, output: 0 }").unwrap();
    assert_eq!(prices.find("ft:gpt-4o-2024-08-06:acme::id", None), None);
    assert!(prices.resolve("ft:gpt-4o-2024-08-06:acme::id").unwrap().is_base_model);
    assert_eq!(prices.find("ft:gpt-4o-mini-2024-07-18:acme::id", None), prices.find("ft:gpt-4o-mini", None));
    assert!(prices.find("ft:gpt-4o-mini", None).is_some());
}

#[test]
fn of_several_names_the_best_known_has_the_price() {
    let table = compile(
        "override: {deployment: {input: 1, output: 0}, gpt-5: {input: 2, output: 0}, '*': {input: 3, output: 0}}\n\
         listed: {gpt-4o: {input: 4, output: 0}}",
    );
    for (names, input) in [
        (&["gpt-4o-2024-08-06", "deployment"][..], 1),
        (&["gpt-5", "deployment"], 2),
        (&["gpt-4o", "unknown"], 4),
        (&["unknown", "gpt-4o"], 4),
        (&["unknown"], 3),
        // The base model's entry is no price of a fine-tuned one.
        (&["ft:gpt-4o:acme::id", "gpt-4o"], 4),
    ] {
        assert_eq!(table.find_first(names, None).map(|price| usd(&price, Input)), Some(dollars(input)), "{names:?}");
    }
    assert_eq!(table.find_first(&[], None), None);
}

#[test]
fn errors_name_the_entry() {
    for (yaml, words) in [
        ("\"\": { input: 1, output: 1 }", "\"\": a model name must not be empty"),
        ("\"a*b\": { input: 1, output: 1 }", "\"a*b\": `*` is only allowed at the end"),
        ("\"a**\": { input: 1, output: 1 }", "\"a**\": `*` is only allowed"),
        ("m: { input: 1, output: 1, max_output_tokens: 0 }", "\"m\".max_output_tokens: must be at least 1"),
        ("m: { input: 1 }", "output"),
        ("m: { input: 1, output: 1, price: 1 }", "price"),
        ("m: { input: \"1.0000000001\", output: 1 }", "more than 9 decimals"),
        ("m: { input: -1, output: 1 }", "negative"),
        ("m: { input: a lot, output: 1 }", "decimal number"),
    ] {
        let error = table(yaml).unwrap_err();
        assert!(error.contains(words), "{yaml}: {error}");
    }
    let long = format!("\"{}\": {{ input: 1, output: 1 }}", "m".repeat(257));
    assert!(table(&long).unwrap_err().contains("longer than 256"));
}

fn compile(yaml: &str) -> PriceTable {
    let raw: BTreeMap<String, RawPrices> = serde_saphyr::from_str(yaml).unwrap();
    let part = |name: &str| raw.get(name).cloned().unwrap_or_default();
    let raw = RawPriceTable { overrides: part("override"), listed: part("listed"), ..RawPriceTable::default() };
    PriceTable::compile(raw).unwrap()
}

#[test]
fn an_override_wins_over_the_list_and_the_catch_all_does_not() {
    let table = compile(
        "override: {'*': {input: 1, output: 0}, 'gpt-5*': {input: 2, output: 0}}\n\
         listed: {gpt-5: {input: 3, output: 0}, gpt-4o: {input: 4, output: 0}, Org/Model: {input: 5, output: 0}, \
         'ft:gpt-4o': {input: 6, output: 0}}",
    );
    for (model, input, entry, source) in [
        ("gpt-5", 2, "gpt-5*", PriceSource::Override),
        ("gpt-4o", 4, "gpt-4o", PriceSource::File),
        ("GPT-4O-2024-08-06", 4, "gpt-4o", PriceSource::File),
        ("org/model", 5, "org/model", PriceSource::File),
        ("Org/Model", 5, "org/model", PriceSource::File),
        ("ft:gpt-4o:acme::id", 6, "ft:gpt-4o", PriceSource::File),
        ("unknown", 1, "*", PriceSource::Override),
    ] {
        let found = table.explain(model, None).unwrap();
        assert_eq!(
            (usd(&found.price, Input), found.entry.as_str(), found.source),
            (dollars(input), entry, source),
            "{model}"
        );
        assert_eq!(table.find(model, None).as_ref(), Some(&found.price), "{model}");
        assert!(!found.steps.is_empty(), "{model}");
    }
}

#[test]
fn a_provider_chooses_among_the_entries_of_several() {
    let table = compile(
        "override: {azure/own: {input: 9, output: 0}}\n\
         listed: {gpt-4o: {input: 1, output: 0}, azure/gpt-4o: {input: 2, output: 0}, azure/eu/gpt-4o: {input: 3, output: 0}, \
         groq/llama: {input: 4, output: 0}, ollama/llama: {input: 0, output: 0}, \
         anthropic.claude-x-v1:0: {input: 5, output: 0}, us.anthropic.claude-x-v1:0: {input: 6, output: 0}}",
    );
    for (model, provider, input) in [
        ("gpt-4o", None, Some(1)),
        ("gpt-4o", Some("openai"), Some(1)),
        ("gpt-4o", Some("azure"), Some(2)),
        ("gpt-4o-2024-08-06", Some("azure"), Some(2)),
        ("gpt-4o", Some("Azure-EU"), Some(3)),
        ("azure/gpt-4o", None, Some(2)),
        ("own", Some("azure"), Some(9)),
        ("own", Some("openai"), None),
        ("llama", Some("groq"), Some(4)),
        ("llama", None, None),
        ("groq/llama", None, Some(4)),
        // The client does not choose the price of another provider.
        ("ollama/llama", Some("groq"), Some(4)),
        ("ollama/llama", Some("openai"), None),
        ("us.anthropic.claude-x-v1:0", Some("bedrock"), Some(6)),
        ("eu.anthropic.claude-x-v1:0", Some("bedrock"), Some(5)),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x-v1:0", Some("bedrock"), Some(6)),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", Some("bedrock"), None),
    ] {
        let found = table.find(model, provider).map(|price| usd(&price, Input));
        assert_eq!(found, input.map(dollars), "{model} at {provider:?}");
    }
    let found = table.explain("gpt-4o-2024-08-06", Some("azure")).unwrap();
    assert_eq!(found.steps, ["without the date `-2024-08-06`", "entry `azure/gpt-4o`, of the provider"]);
}

#[test]
fn discounts_and_uplifts_are_part_of_a_price() {
    let yaml = "{gpt-4o: {input: 2, output: 0, uplifts: {eu: '1.1'}}, 'azure/*': {input: 4, output: 0}}";
    let raw = RawPriceTable {
        overrides: serde_saphyr::from_str(yaml).unwrap(),
        adjustments: serde_saphyr::from_str("{discounts: {'azure/*': 25%}, uplifts: {'openai/*': eu}}").unwrap(),
        ..RawPriceTable::default()
    };
    let table = PriceTable::compile(raw).unwrap();
    let multiplier = |model, provider| table.find(model, provider).unwrap().multiplier.to_string();
    assert_eq!(multiplier("gpt-4o", None), "1");
    assert_eq!(multiplier("gpt-4o", Some("openai")), "1.1");
    assert_eq!(multiplier("x", Some("azure")), "0.75");
}
