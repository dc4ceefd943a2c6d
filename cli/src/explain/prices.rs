//! Price of the model, with the line that sets it.

use serde_json::json;
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, OnUnknownPrice, Path};
use tollgate_prices::{Dimension, ModelPrice, Multiplier, PriceMatch, PriceSource};

use super::Stage;

/// Price of a call's model, and how it was found.
pub(super) struct Priced {
    /// Name whose price applies.
    pub(super) model: String,
    /// Price, if any entry has one.
    pub(super) found: Option<PriceMatch>,
    /// Price that the policy gives to models without one.
    pub(super) substitute: Option<ModelPrice>,
}

impl Priced {
    /// Finds the price of a model: that of an alias's target, else its own.
    pub(super) fn find(policy: &CompiledPolicy, model: &str) -> Priced {
        let target = policy.catalog.resolve_alias(model);
        let provider = policy.model_providers.find(model).map(String::as_str);
        match policy.prices.explain_first(&[target, model], provider) {
            Some((name, found)) => Priced { model: name.to_owned(), found: Some(found), substitute: None },
            None => {
                let substitute = match &policy.on_unknown_price {
                    OnUnknownPrice::Free => Some(ModelPrice::default()),
                    OnUnknownPrice::As(other) => policy.prices.find(other, None),
                    OnUnknownPrice::Refuse | OnUnknownPrice::Pass => None,
                };
                Priced { model: target.to_owned(), found: None, substitute }
            }
        }
    }

    /// Returns the price that is charged.
    pub(super) fn price(&self) -> Option<&ModelPrice> {
        self.found.as_ref().map(|found| &found.price).or(self.substitute.as_ref())
    }
}

pub(super) fn explain(document: &Document, policy: &CompiledPolicy, priced: Option<&Priced>) -> Stage {
    let Some(priced) = priced else { return Stage::idle("prices", "Without a model there is no price.") };
    let model = priced.model.as_str();
    let Some(found) = &priced.found else {
        let line = match &policy.on_unknown_price {
            OnUnknownPrice::Refuse => format!("`{model}` has no price: under a budget in usd the call is refused."),
            OnUnknownPrice::Pass => format!("`{model}` has no price: under a budget in usd the call is passed."),
            OnUnknownPrice::Free => format!("`{model}` has no price: the call is free."),
            OnUnknownPrice::As(other) => format!("`{model}` has no price: it is charged as `{other}`."),
        };
        return Stage::new("prices", vec![line], json!({ "model": model }));
    };
    let mut lines = vec![describe(model, &found.price)];
    let key = match found.source {
        PriceSource::Override => Some("override"),
        PriceSource::File => Some("models"),
        PriceSource::BuiltIn => None,
    };
    let place = key.map(|key| {
        let (file, position) = document.place(&Path::part("prices").key(key).key(&found.entry));
        format!("{file}:{}:{}", position.line, position.column)
    });
    let entry = &found.entry;
    lines.push(match &place {
        Some(place) => format!("The entry is `{entry}` ({place})."),
        None => format!("The entry is `{entry}` of the built-in table."),
    });
    let mut facts = json!({
        "model": model, "entry": entry, "source": place.unwrap_or_else(|| "built-in".to_owned()),
        "multiplier": found.price.multiplier.to_string(), "max_output_tokens": found.price.max_output_tokens,
    });
    if let Some(facts) = facts.as_object_mut() {
        facts.extend(SHOWN.map(|dimension| (dimension.name().to_owned(), usd(&found.price, dimension).into())));
    }
    Stage::new("prices", lines, facts)
}

/// Prices of tokens that are always shown.
const SHOWN: [Dimension; 5] =
    [Dimension::Input, Dimension::CachedInput, Dimension::CacheWrite, Dimension::CacheWrite1h, Dimension::Output];

fn usd(price: &ModelPrice, dimension: Dimension) -> String {
    price.price(dimension, None, 0).display(dimension.per()).to_string()
}

/// Describes a price; parts that cost as much as the input are left out.
fn describe(model: &str, price: &ModelPrice) -> String {
    let input = usd(price, Dimension::Input);
    let mut text = format!("A million tokens of {model} cost ${input} (input)");
    for (name, dimension) in [
        ("cached input", Dimension::CachedInput),
        ("cache write", Dimension::CacheWrite),
        ("cache write for an hour", Dimension::CacheWrite1h),
    ] {
        let part = usd(price, dimension);
        if part != input {
            text.push_str(&format!(", ${part} ({name})"));
        }
    }
    text = format!("{text} and ${} (output).", usd(price, Dimension::Output));
    if price.multiplier != Multiplier::ONE {
        text.push_str(&format!(" Discounts and uplifts multiply the cost by {}.", price.multiplier));
    }
    text
}
