//! Discounts and uplifts of a policy.

use serde::Deserialize;
use tollgate_names::{Entries, Resolver, ResolverBuilder};

use crate::multiplier::Multiplier;
use crate::price::ModelPrice;
use crate::table::PriceError;

/// Discounts and uplifts by provider and model: `azure/*`, `azure/gpt-4o*`, `gpt-4o`, `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawAdjustments {
    /// Shares off the price, e.g. `"15%"`.
    pub discounts: Entries<String>,
    /// Shares on the price, e.g. `"10%"`, or the name of an uplift of the price list, e.g. `eu`.
    pub uplifts: Entries<String>,
}

/// Validated discounts and uplifts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Adjustments {
    discounts: Resolver<Multiplier>,
    uplifts: Resolver<Uplift>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Uplift {
    Share(Multiplier),
    /// Uplift of a model's prices; models without one of this name have no surcharge.
    Named(Box<str>),
}

impl Adjustments {
    pub(crate) fn new(raw: RawAdjustments) -> Result<Adjustments, PriceError> {
        let discount = |text: &str| {
            Multiplier::of_discount(text)
                .ok_or("expected a share such as \"15%\", from 0% to 100%, with at most 4 decimals")
        };
        let uplift = |text: &str| match text.ends_with('%') {
            true => Multiplier::of_uplift(text).map(Uplift::Share).ok_or("expected a share such as \"10%\""),
            false if text.is_empty() => Err("expected a share such as \"10%\" or the name of an uplift such as `eu`"),
            false => Ok(Uplift::Named(text.into())),
        };
        Ok(Adjustments {
            discounts: resolver("discounts", &raw.discounts, discount)?,
            uplifts: resolver("uplifts", &raw.uplifts, uplift)?,
        })
    }

    /// Applies the discount and the uplift for a model at a provider to its price.
    pub(crate) fn apply(&self, model: &str, provider: Option<&str>, price: &mut ModelPrice) {
        if self.discounts.is_empty() && self.uplifts.is_empty() {
            return;
        }
        let name = provider.map_or_else(|| model.to_owned(), |provider| format!("{provider}/{model}"));
        let discount = self.discounts.find(&name).copied().unwrap_or_default();
        price.multiplier = price.multiplier.times(discount);
        match self.uplifts.find(&name) {
            Some(Uplift::Share(factor)) => price.multiplier = price.multiplier.times(*factor),
            Some(Uplift::Named(name)) => price.apply_uplift(name),
            None => {}
        }
    }
}

fn resolver<T>(
    part: &str,
    entries: &Entries<String>,
    value: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Resolver<T>, PriceError> {
    let mut builder = ResolverBuilder::default();
    for (name, text) in &entries.0 {
        let error = |problem: &str| PriceError { path: format!("{part}.{name:?}"), problem: problem.to_owned() };
        builder.insert(name, value(text).map_err(error)?).map_err(|name_error| error(name_error.problem()))?;
    }
    // Without aliases, there are no errors.
    Ok(builder.build().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adjustments(yaml: &str) -> Result<Adjustments, String> {
        Adjustments::new(serde_saphyr::from_str(yaml).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_nearest_entry_applies() {
        let adjustments = adjustments(
            "discounts: {'azure/*': 15%, azure/gpt-4o: 20%, 'gpt-5*': 5%}\nuplifts: {'openai/*': eu, 'groq/*': 10%}",
        )
        .unwrap();
        let factor_of = |model: &str, provider, uplifts: &[(Box<str>, Multiplier)]| {
            let mut price = ModelPrice { uplifts: uplifts.to_vec(), ..ModelPrice::default() };
            adjustments.apply(model, provider, &mut price);
            price.multiplier.to_string()
        };
        let own = [("eu".into(), "1.1".parse().unwrap())];
        for (model, provider, factor) in [
            ("gpt-4o", Some("azure"), "0.8"),
            ("gpt-4o-2024-08-06", Some("azure"), "0.8"),
            ("o3", Some("azure"), "0.85"),
            ("azure/o3", None, "0.85"),
            ("gpt-5-mini", None, "0.95"),
            ("gpt-5-mini", Some("openai"), "1.045"),
            ("o3", Some("openai"), "1.1"),
            ("llama", Some("groq"), "1.1"),
            ("llama", None, "1"),
        ] {
            assert_eq!(factor_of(model, provider, &own), factor, "{model} {provider:?}");
        }
        assert_eq!(factor_of("o3", Some("openai"), &[]), "1", "the model has no such uplift");
    }

    #[test]
    fn errors_name_the_entry() {
        for (yaml, words) in [
            ("discounts: {m: '0.15'}", "discounts.\"m\": expected a share"),
            ("discounts: {m: 101%}", "discounts.\"m\": expected a share"),
            ("discounts: {'a*b': 1%}", "discounts.\"a*b\": `*` is only"),
            ("uplifts: {m: ''}", "uplifts.\"m\": expected a share"),
        ] {
            let error = adjustments(yaml).map(|_| ()).unwrap_err();
            assert!(error.contains(words), "{yaml}: {error}");
        }
    }
}
