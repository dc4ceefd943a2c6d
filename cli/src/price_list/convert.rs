//! Conversion of the package's price file.
//!
//! The file maps names to fields such as `input_cost_per_token_above_272k_tokens_priority`, in dollars per unit as floating-point
//! numbers. They are rounded to 15 significant digits, all that a double holds, which recovers the published decimals
//! (`3.2000000000000003e-06` was `0.0000032`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tollgate_prices::source::{SourceModel, SourceRate};
use tollgate_prices::{Dimension, ServiceTier};

use super::PriceList;

/// Fields of token prices, and all others that a call is charged by.
const FIELDS: &[(&str, Dimension)] = &[
    ("input_cost_per_token", Dimension::Input),
    ("cache_read_input_token_cost", Dimension::CachedInput),
    ("input_cost_per_token_cache_hit", Dimension::CachedInput),
    ("cache_creation_input_token_cost", Dimension::CacheWrite),
    ("cache_creation_input_token_cost_above_1hr", Dimension::CacheWrite1h),
    ("cache_creation_input_token_cost_above_12hr", Dimension::CacheWrite12h),
    ("input_cost_per_audio_token", Dimension::AudioInput),
    ("cache_read_input_audio_token_cost", Dimension::CachedAudioInput),
    ("input_cost_per_image_token", Dimension::ImageInput),
    ("cache_read_input_image_token_cost", Dimension::CachedImageInput),
    ("input_cost_per_video_token", Dimension::VideoInput),
    ("citation_cost_per_token", Dimension::Citation),
    ("output_cost_per_token", Dimension::Output),
    ("output_cost_per_reasoning_token", Dimension::Reasoning),
    ("output_cost_per_audio_token", Dimension::AudioOutput),
    ("output_cost_per_image_token", Dimension::ImageOutput),
    ("output_cost_per_video_token", Dimension::VideoOutput),
    ("input_cost_per_second", Dimension::AudioSecond),
    ("input_cost_per_audio_per_second", Dimension::AudioSecond),
    ("input_cost_per_video_per_second", Dimension::VideoSecond),
    ("output_cost_per_second", Dimension::OutputSecond),
    ("output_cost_per_video_per_second", Dimension::OutputSecond),
    ("input_cost_per_image", Dimension::InputImage),
    ("output_cost_per_image", Dimension::OutputImage),
    ("input_cost_per_character", Dimension::Character),
    ("ocr_cost_per_page", Dimension::Page),
    ("input_cost_per_query", Dimension::Query),
    ("input_cost_per_request", Dimension::Request),
];

/// Suffixes of fields with prices of a service tier.
const TIERS: &[(&str, ServiceTier)] = &[
    ("_batches", ServiceTier::Batch),
    ("_flex", ServiceTier::Flex),
    ("_priority", ServiceTier::Priority),
    ("_balanced", ServiceTier::Balanced),
    ("_ultrafast", ServiceTier::Ultrafast),
];

/// Uplifts of the list by their names in a policy.
const UPLIFTS: &[(&str, &str)] = &[
    ("regional_processing_uplift_multiplier_eu", "eu"),
    ("regional_processing_uplift_multiplier_us", "us"),
    ("fedramp_uplift_multiplier", "fedramp"),
    ("regional_endpoint_uplift_multiplier", "regional"),
];

/// Entries that describe the file.
const NOT_MODELS: &[&str] = &["sample_spec", "fallback_generalizations", "rules"];

/// Provider that charges the higher prices from the threshold on, where others do above it.
const INCLUSIVE_THRESHOLDS: &str = "xai";

/// Converts the file.
///
/// # Errors
/// The text is no map of models.
pub fn convert(version: &str, text: &str) -> Result<PriceList, String> {
    let file: Map<String, Value> = serde_json::from_str(text).map_err(|error| format!("not a price file: {error}"))?;
    let mut left_out: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut models = Vec::new();
    let mut names = BTreeSet::new();
    for (name, entry) in &file {
        if NOT_MODELS.contains(&name.as_str()) {
            continue;
        }
        match model(name, entry, &file) {
            Ok(_) if !names.insert(name.to_ascii_lowercase()) => {
                *left_out.entry("names that differ in case only").or_default() += 1
            }
            Ok(model) => models.push(model),
            Err(reason) => *left_out.entry(reason).or_default() += 1,
        }
    }
    if models.is_empty() {
        return Err("not a price file: it has no models with prices".to_owned());
    }
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(PriceList { version: version.to_owned(), models, left_out: left_out.into_iter().collect() })
}

/// Converts one entry, or returns why it is left out.
fn model(name: &str, entry: &Value, file: &Map<String, Value>) -> Result<SourceModel, &'static str> {
    let own = entry.as_object().ok_or("entries that are no maps")?;
    if name.is_empty()
        || name.len() > 255
        || !name.is_ascii()
        || name.contains(|c: char| c.is_ascii_whitespace() || c == '*')
    {
        return Err("names that no call can have");
    }
    let alias_of = text(own, "alias_of");
    let facts = match &alias_of {
        Some(target) => file.get(target).and_then(Value::as_object).ok_or("aliases of unknown models")?,
        None => own,
    };
    let provider = family(&text(facts, "litellm_provider").unwrap_or_default());
    let mut model = SourceModel {
        name: name.to_owned(),
        rates: rates(facts, &provider),
        max_input: count(facts, "max_input_tokens"),
        max_output: count(facts, "max_output_tokens"),
        deprecated: text(own, "deprecation_date").filter(|date| date.len() == 10),
        successor: text(own, "successor_model").filter(|name| !name.contains(' ')),
        alias_of,
        provider,
        ..SourceModel::default()
    };
    if model.rates.is_empty() {
        return Err("entries without a price of a call");
    }
    // Subscriptions, previews and servers of one's own: a price of zero would let calls pass that somebody pays for.
    if model.rates.iter().all(|rate| rate.femtos == 0) {
        return Err("entries with prices of zero only");
    }
    let searches = model.rates.iter().any(|rate| rate.dimension == Dimension::WebSearch);
    model.one_search_per_call = searches
        && ["gemini", "vertex_ai"].contains(&model.provider.as_str())
        && text(facts, "web_search_billing_unit").is_none();
    for (field, uplift) in UPLIFTS {
        if let Some(factor) = facts.get(*field).and_then(Value::as_f64).and_then(|factor| scaled(factor, 6)) {
            model.uplifts.push(((*uplift).to_owned(), factor));
        }
    }
    if let Some(factor) = facts.get("provider_specific_entry").and_then(|entry| entry["us"].as_f64()) {
        model.uplifts.extend(scaled(factor, 6).map(|factor| ("us".to_owned(), factor)));
    }
    Ok(model)
}

/// Returns the prices of an entry, sorted.
fn rates(facts: &Map<String, Value>, provider: &str) -> Vec<SourceRate> {
    let mut rates: BTreeMap<(Dimension, u64, Option<ServiceTier>), u64> = BTreeMap::new();
    let inclusive = u64::from(provider == INCLUSIVE_THRESHOLDS);
    for (field, value) in facts {
        let Some((dimension, above, tier)) = field_of(field) else { continue };
        if let Some(femtos) = number(value).and_then(|value| scaled(value, 15)) {
            let above = above.saturating_sub(inclusive.min(above));
            rates.entry((dimension, above, tier)).or_insert(femtos);
        }
    }
    for part in facts.get("tiered_pricing").and_then(Value::as_array).into_iter().flatten() {
        let Some(part) = part.as_object() else { continue };
        let Some(above) = part.get("range").and_then(|range| range[0].as_f64()).and_then(|above| scaled(above, 0))
        else {
            continue;
        };
        for (field, value) in part {
            let Some((dimension, 0, None)) = field_of(field) else { continue };
            if let Some(femtos) = number(value).and_then(|value| scaled(value, 15)) {
                rates.insert((dimension, above, None), femtos);
            }
        }
    }
    for (size, dimension) in
        [("low", Dimension::WebSearchLow), ("medium", Dimension::WebSearch), ("high", Dimension::WebSearchHigh)]
    {
        let price = facts
            .get("search_context_cost_per_query")
            .and_then(|prices| number(&prices[format!("search_context_size_{size}")]));
        rates.extend(price.and_then(|price| scaled(price, 15)).map(|femtos| ((dimension, 0, None), femtos)));
    }
    by_mode(facts, &mut rates);
    // Anthropic's fast mode multiplies the prices of tokens.
    if let Some(factor) = facts.get("provider_specific_entry").and_then(|entry| entry["fast"].as_f64()) {
        let tokens = Dimension::INPUT.iter().chain(&Dimension::OUTPUT);
        let plain: Vec<_> =
            tokens.filter_map(|dimension| Some((*dimension, *rates.get(&(*dimension, 0, None))?))).collect();
        for (dimension, femtos) in plain {
            let product = scaled(factor, 6).and_then(|factor| Some(femtos.checked_mul(factor)? / 1_000_000));
            rates.extend(product.map(|femtos| ((dimension, 0, Some(ServiceTier::Fast)), femtos)));
        }
    }
    without_defaults(&mut rates);
    let rate = |((dimension, above, tier), femtos)| SourceRate { dimension, above, tier, femtos };
    rates.into_iter().map(rate).collect()
}

/// Corrects what the file leaves to the kind of the model.
fn by_mode(facts: &Map<String, Value>, rates: &mut BTreeMap<(Dimension, u64, Option<ServiceTier>), u64>) {
    let mode = text(facts, "mode").unwrap_or_default();
    let has = |rates: &BTreeMap<_, u64>, dimension| rates.get(&(dimension, 0, None)).is_some_and(|price| *price > 0);
    let has_tokens = has(rates, Dimension::Input) || has(rates, Dimension::Output);
    match mode.as_str() {
        // Prices of reserved capacity by the second, whatever is called.
        "chat" | "completion" => rates.retain(|(dimension, ..), _| {
            !matches!(dimension, Dimension::AudioSecond | Dimension::OutputSecond | Dimension::Character)
        }),
        // One duration, under both names.
        "audio_transcription" => {
            if let Some(price) = rates.remove(&(Dimension::OutputSecond, 0, None)) {
                rates.entry((Dimension::AudioSecond, 0, None)).or_insert(price);
            }
        }
        // The price of an image that is generated.
        "image_generation" if !has(rates, Dimension::OutputImage) && !has_tokens => {
            if let Some(price) = rates.remove(&(Dimension::InputImage, 0, None)) {
                rates.insert((Dimension::OutputImage, 0, None), price);
            }
        }
        // Speech and embeddings are charged by tokens or else by seconds and characters.
        "audio_speech" | "embedding" if has_tokens => {
            rates.retain(|(dimension, ..), _| !matches!(dimension, Dimension::OutputSecond | Dimension::Character));
        }
        _ => {}
    }
    // An image is charged by its tokens, if these have a price; its price per image is the same money.
    if has(rates, Dimension::ImageOutput) {
        rates.retain(|(dimension, ..), _| !matches!(dimension, Dimension::OutputImage | Dimension::InputImage));
        // Image models list no price of output text.
        if !has(rates, Dimension::Output) {
            let images: Vec<_> =
                rates.iter().filter(|((dimension, ..), _)| *dimension == Dimension::ImageOutput).collect();
            let output: Vec<_> = images
                .iter()
                .map(|((_, above, tier), femtos)| ((Dimension::Output, *above, *tier), **femtos))
                .collect();
            rates.extend(output);
        }
    }
    if has_tokens || has(rates, Dimension::Output) || has(rates, Dimension::AudioInput) {
        let audio = rates.get(&(Dimension::AudioInput, 0, None)).copied().unwrap_or(0);
        rates.entry((Dimension::Input, 0, None)).or_insert(audio);
        rates.entry((Dimension::Output, 0, None)).or_insert(0);
    }
}

/// Removes prices that only repeat the price of the parent at the same place, where nothing else gives the dimension a price.
fn without_defaults(rates: &mut BTreeMap<(Dimension, u64, Option<ServiceTier>), u64>) {
    for dimension in Dimension::ALL {
        let Some(parent) = dimension.parent() else { continue };
        let own: Vec<_> =
            rates.iter().filter(|((own, ..), _)| *own == dimension).map(|(key, price)| (*key, *price)).collect();
        let repeats = own.iter().all(|((_, above, tier), price)| rates.get(&(parent, *above, *tier)) == Some(price));
        if repeats {
            rates.retain(|(own, ..), _| *own != dimension);
        }
    }
}

/// Reads the name of a field: the dimension, the threshold and the service tier.
fn field_of(field: &str) -> Option<(Dimension, u64, Option<ServiceTier>)> {
    let tier = TIERS.iter().find(|(suffix, _)| field.ends_with(suffix));
    let base = tier.map_or(field, |(suffix, _)| field.strip_suffix(suffix).unwrap_or(field));
    let (base, above) = match base.strip_suffix("_tokens").and_then(|base| base.rsplit_once("_above_")) {
        Some((base, threshold)) => {
            let (digits, factor) = threshold.strip_suffix('k').map_or((threshold, 1), |digits| (digits, 1_000));
            (base, digits.parse::<u64>().ok()?.checked_mul(factor)?)
        }
        None => (base, 0),
    };
    let (_, dimension) = FIELDS.iter().find(|(name, _)| *name == base)?;
    Some((*dimension, above, tier.map(|(_, tier)| *tier)))
}

/// Returns the number of a field, also where the file has it as a text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Returns a number times `10^places` as an integer, from its first 15 significant digits.
fn scaled(value: f64, places: i32) -> Option<u64> {
    if !value.is_finite() || value < 0.0 {
        return None;
    }
    let text = format!("{value:.14e}");
    let (digits, exponent) = text.split_once('e')?;
    let digits: u128 = digits.replace('.', "").parse().ok()?;
    let exponent = exponent.parse::<i32>().ok()? - 14 + places;
    let power = 10u128.checked_pow(exponent.unsigned_abs())?;
    let scaled = if exponent >= 0 { digits.checked_mul(power)? } else { (digits + power / 2) / power };
    u64::try_from(scaled).ok()
}

fn text(facts: &Map<String, Value>, field: &str) -> Option<String> {
    facts.get(field).and_then(Value::as_str).map(str::to_owned)
}

fn count(facts: &Map<String, Value>, field: &str) -> Option<u64> {
    let number = facts.get(field).and_then(number).and_then(|value| scaled(value, 0))?;
    Some(number).filter(|number| (1..=u64::from(u32::MAX)).contains(number))
}

/// Returns the provider of several of the file's names for parts of it: `vertex_ai-language-models` is `vertex_ai`.
fn family(provider: &str) -> String {
    let provider = provider.strip_prefix("text-completion-").unwrap_or(provider);
    let family = match provider {
        "bedrock_converse" => "bedrock",
        "azure_text" => "azure",
        "cohere_chat" => "cohere",
        other => other
            .split_once('-')
            .filter(|(family, _)| ["vertex_ai", "fireworks_ai"].contains(family))
            .map_or(other, |(family, _)| family),
    };
    if family.is_empty() { "unknown".to_owned() } else { family.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(facts: &str) -> String {
        let text = format!(r#"{{"sample_spec": {{}}, "m": {facts}, "a": {{"alias_of": "m"}}}}"#);
        match convert("1", &text) {
            Ok(list) => list.models.iter().find(|model| model.name == "m").map(ToString::to_string).unwrap_or_default(),
            Err(error) => error,
        }
    }

    #[test]
    fn entries_become_lines() {
        for (facts, expected) in [
            (
                r#""litellm_provider":"openai","input_cost_per_token":2.5e-06,"output_cost_per_token":1e-05,"max_output_tokens":16384,
                   "cache_read_input_token_cost":1.25e-06,"deprecation_date":"2027-01-14","successor_model":"n""#,
                "m\topenai\tinput=2.5 cached_input=1.25 output=10 max_output=16384 deprecated=2027-01-14 successor=n",
            ),
            (
                r#""litellm_provider":"vertex_ai-language-models","input_cost_per_token":3.2000000000000003e-06,
                   "output_cost_per_token":0,"input_cost_per_token_above_200k_tokens_priority":4e-06"#,
                "m\tvertex_ai\tinput=3.2 input>200000@priority=4 output=0",
            ),
            (
                r#""litellm_provider":"xai","input_cost_per_token":1e-06,"output_cost_per_token":1e-06,"input_cost_per_token_above_128k_tokens":2e-06"#,
                "m\txai\tinput=1 input>127999=2 output=1",
            ),
            (
                r#""litellm_provider":"dashscope","tiered_pricing":[{"range":[0,32000.0],"input_cost_per_token":1e-06,"output_cost_per_token":2e-06},
                   {"range":[32000.0,64000.0],"input_cost_per_token":3e-06,"output_cost_per_token":4e-06}]"#,
                "m\tdashscope\tinput=1 input>32000=3 output=2 output>32000=4",
            ),
            (
                r#""litellm_provider":"openai","mode":"audio_transcription","input_cost_per_second":0.0001,"output_cost_per_second":0.0001"#,
                "m\topenai\taudio_second=0.0001",
            ),
            (
                r#""litellm_provider":"openai","mode":"image_generation","input_cost_per_token":5e-06,"output_cost_per_image_token":4e-05,"output_cost_per_image":0.04"#,
                "m\topenai\tinput=5 output=40",
            ),
            (
                r#""litellm_provider":"anthropic","input_cost_per_token":4e-06,"output_cost_per_token":2e-05,"provider_specific_entry":{"us":1.1,"fast":2}"#,
                "m\tanthropic\tinput=4 input@fast=8 output=20 output@fast=40 uplift.us=1.1",
            ),
            (
                r#""litellm_provider":"gemini","input_cost_per_token":1e-06,"output_cost_per_token":1e-06,"output_cost_per_reasoning_token":1e-06,
                   "search_context_cost_per_query":{"search_context_size_low":0.035,"search_context_size_medium":0.035,"search_context_size_high":0.035}"#,
                "m\tgemini\tinput=1 output=1 web_search=0.035 one_search_per_call",
            ),
            (
                r#""litellm_provider":"ollama","input_cost_per_token":0,"output_cost_per_token":0"#,
                "not a price file: it has no models with prices",
            ),
            (
                r#""litellm_provider":"bedrock","mode":"chat","input_cost_per_second":0.01"#,
                "not a price file: it has no models with prices",
            ),
        ] {
            assert_eq!(line(&format!("{{{facts}}}")), expected, "{facts}");
        }
        assert!(convert("1", "[]").is_err() && convert("1", "{").is_err());
    }

    #[test]
    fn an_alias_has_the_prices_of_its_model() {
        let text = r#"{"m": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
            "latest": {"alias_of": "m"}, "lost": {"alias_of": "gone"}, "b*d": {"input_cost_per_token": 1}}"#;
        let list = convert("1.2.3", text).unwrap();
        let lines: Vec<String> = list.models.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["latest\topenai\tinput=1 output=2 alias_of=m", "m\topenai\tinput=1 output=2"]);
        assert_eq!(list.left_out, [("aliases of unknown models", 1), ("names that no call can have", 1)]);
        assert!(list.text().starts_with("# Prices of models: facts from the package litellm 1.2.3 (MIT"));
    }

    #[test]
    fn doubles_are_read_as_the_decimals_they_were() {
        for (value, places, expected) in [
            (2.5e-6, 15, Some(2_500_000_000)),
            (3.2000000000000003e-6, 15, Some(3_200_000_000)),
            (9.499999999999999e-7, 15, Some(950_000_000)),
            (0.000283333333333, 15, Some(283_333_333_333)),
            (1.1428571428571428e-6, 15, Some(1_142_857_143)),
            (0.0, 15, Some(0)),
            (256000.0, 0, Some(256_000)),
            (-1.0, 15, None),
            (f64::NAN, 15, None),
            (1e300, 15, None),
        ] {
            assert_eq!(scaled(value, places), expected, "{value}");
        }
    }
}
