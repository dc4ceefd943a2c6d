//! Price of the model, with the line that sets it.

use serde_json::json;
use tollgate_policy::document::Document;
use tollgate_policy::{Admission, CompiledPolicy, Path};
use tollgate_prices::ModelPrice;

use super::Stage;

/// Returns the name whose price applies to a model: the model of an alias if that has a price, else its own.
pub(super) fn priced<'a>(policy: &'a CompiledPolicy, model: &'a str) -> &'a str {
    let target = policy.catalog.resolve_alias(model);
    if policy.prices.find(target).is_some() { target } else { model }
}

pub(super) fn explain(document: &Document, policy: &CompiledPolicy, model: Option<&str>) -> Stage {
    let Some(model) = model else { return Stage::idle("prices", "Without a model there is no price.") };
    let Some(price) = policy.prices.find(model) else {
        let then = match policy.on_unknown_price {
            Admission::Refuse => "refused",
            Admission::Pass => "passed",
        };
        let line = format!("`{model}` has no price: under a budget in usd the call is {then}.");
        return Stage::new("prices", vec![line], json!({ "model": model }));
    };
    let mut lines = vec![describe(model, price)];
    let place = policy.prices.resolve(model).map(|resolution| {
        let (file, position) = document.place(&Path::part("prices").key("override").key(resolution.entry));
        (resolution.entry, format!("{file}:{}:{}", position.line, position.column))
    });
    lines.extend(place.iter().map(|(key, place)| format!("The entry is `{key}` ({place}).")));
    let (entry, source) = place.unzip();
    let facts = json!({
        "model": model, "entry": entry, "source": source, "input": price.input.to_string(),
        "cached_input": price.cached_input.to_string(), "cache_write": price.cache_write.to_string(),
        "cache_write_1h": price.cache_write_1h.to_string(), "output": price.output.to_string(),
        "max_output_tokens": price.max_output_tokens,
    });
    Stage::new("prices", lines, facts)
}

/// Describes a price; parts that cost as much as the input are left out.
fn describe(model: &str, price: &ModelPrice) -> String {
    let mut text = format!("A million tokens of {model} cost ${} (input)", price.input);
    for (name, part) in [
        ("cached input", price.cached_input),
        ("cache write", price.cache_write),
        ("cache write for an hour", price.cache_write_1h),
    ] {
        if part != price.input {
            text.push_str(&format!(", ${part} ({name})"));
        }
    }
    format!("{text} and ${} (output).", price.output)
}
