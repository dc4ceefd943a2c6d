//! Price of the model, with the line that sets it.

use serde_json::{Value, json};
use tollgate_policy::document::Document;
use tollgate_policy::{Admission, CompiledPolicy, Path};
use tollgate_prices::{PriceTable, RawPrices};

use super::Stage;

pub(super) fn explain(document: &Document, policy: &CompiledPolicy, model: Option<&str>) -> Stage {
    let model = model.unwrap_or_default();
    let Some(price) = policy.prices.find(model) else {
        let then = match policy.on_unknown_price {
            Admission::Refuse => "refused",
            Admission::Pass => "passed",
        };
        let line = format!("`{model}` has no price: under a budget in usd the call is {then}.");
        return Stage::new("prices", vec![line], json!({ "model": model }));
    };
    let (input, output) = (price.input.to_string(), price.output.to_string());
    let mut lines =
        vec![format!("{model} costs {input} dollars per million input tokens and {output} per million output tokens.")];
    let mut facts = json!({ "model": model, "input": input, "output": output });
    if let Some(key) = entry(document, model) {
        let (file, position) = document.place(&Path::part("prices").key("override").key(&key));
        let place = format!("{file}:{}:{}", position.line, position.column);
        lines.push(format!("The entry is `{key}` ({place})."));
        if let Some(facts) = facts.as_object_mut() {
            facts.insert("entry".into(), key.into());
            facts.insert("source".into(), place.into());
        }
    }
    Stage::new("prices", lines, facts)
}

/// Returns the key of the entry that the price table selects for a model.
fn entry(document: &Document, model: &str) -> Option<String> {
    let entries = document.value().pointer("/prices/override")?.as_object()?;
    let matches = entries.iter().filter(|(key, value)| {
        let one: Option<RawPrices> =
            serde_json::from_value(Value::Object([((*key).clone(), (*value).clone())].into_iter().collect())).ok();
        one.and_then(|raw| PriceTable::new(raw).ok()).is_some_and(|table| table.find(model).is_some())
    });
    let rank = |key: &str| (key == model, key.trim_end_matches('*').len(), !key.ends_with('*'));
    matches.map(|(key, _)| key).max_by_key(|key| rank(key)).cloned()
}
