//! Price table: prices by model name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_names::{Entries, Resolution, Resolver, ResolverBuilder, Step, candidates};

use crate::adjustments::{Adjustments, RawAdjustments};
use crate::compile::model_price;
use crate::price::ModelPrice;
use crate::provider::{is_of, prefixes};
use crate::raw::RawPrice;

/// Section `prices` of a configuration: prices by model.
///
/// A name is exact (`gpt-4o`) or ends in `*` and matches every name with this prefix (`gpt-4o*`; `*` alone matches every
/// model). The exact name wins, then the name without prefixes and versions, then the longest wildcard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RawPrices(pub Entries<RawPrice>);

/// Invalid price table: the path of the entry, relative to the table, and the problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PriceError {
    /// Path of the entry, e.g. `"gpt-*-mini"` or `"gpt-4o".max_output_tokens`.
    pub path: String,
    /// Description of the problem.
    pub problem: String,
}

/// Parts of a price table that are not validated yet.
#[derive(Clone, Debug, Default)]
pub struct RawPriceTable {
    /// Prices that win over all others; `*` applies to models that no other part knows.
    pub overrides: RawPrices,
    /// Prices that win over those of the built-in table, by exact name: the file of `tollgate prices update`.
    pub listed: RawPrices,
    /// Uses the built-in table, if this build has one.
    pub built_in: bool,
    /// Discounts and uplifts.
    pub adjustments: RawAdjustments,
}

/// Validated prices by model name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable {
    overrides: Resolver<ModelPrice>,
    /// The same by names in lower case.
    lower_case: Resolver<ModelPrice>,
    /// Prices by names in lower case.
    listed: BTreeMap<Box<str>, ModelPrice>,
    built_in: bool,
    adjustments: Adjustments,
}

/// Part of the table that has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceSource {
    /// Prices of the configuration.
    Override,
    /// File of prices that the policy names.
    File,
    /// Built-in table.
    BuiltIn,
}

/// Price of a model, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceMatch {
    /// Prices, with discounts and uplifts.
    pub price: ModelPrice,
    /// Name of the entry as configured: `gpt-4o` or `gpt-4*`.
    pub entry: String,
    /// Part of the table with the entry.
    pub source: PriceSource,
    /// Name that was looked up: with the provider of the policy in front, if the entry has it.
    pub name: String,
    /// The entry is that of the base model; the fine-tuned model has none of its own, so this is not its price.
    pub is_base_model: bool,
    /// Steps from the name to the entry, in words.
    pub steps: Vec<String>,
}

impl PriceMatch {
    /// Returns `true` if only the entry `*` matches, which says nothing about the model.
    #[must_use]
    pub fn is_catch_all(&self) -> bool {
        self.entry == CATCH_ALL
    }
}

/// Entry that matches every name.
const CATCH_ALL: &str = "*";

impl PriceTable {
    /// Validates prices of a configuration without other parts.
    ///
    /// # Errors
    /// An invalid name or price.
    pub fn new(raw: RawPrices) -> Result<PriceTable, PriceError> {
        PriceTable::compile(RawPriceTable { overrides: raw, ..RawPriceTable::default() })
    }

    /// Validates the parts of a table.
    ///
    /// # Errors
    /// An invalid name, price, discount or uplift.
    pub fn compile(raw: RawPriceTable) -> Result<PriceTable, PriceError> {
        let mut overrides = ResolverBuilder::default();
        let mut lower_case = ResolverBuilder::default();
        for (name, raw) in &raw.overrides.0.0 {
            let error = |field: &str, problem: String| PriceError { path: format!("{name:?}{field}"), problem };
            let price = model_price(raw).map_err(|(field, problem)| error(&field, problem))?;
            overrides.insert(name, price.clone()).map_err(|name_error| error("", name_error.problem().to_owned()))?;
            // Of names that differ in case only, any will do: an exact one wins.
            let inserted = lower_case.insert(&name.to_ascii_lowercase(), price);
            debug_assert!(inserted.is_ok(), "a valid name is valid in lower case: {inserted:?}");
        }
        let mut listed = BTreeMap::new();
        for (name, raw) in &raw.listed.0.0 {
            let error = |(field, problem)| PriceError { path: format!("{name:?}{field}"), problem };
            listed.insert(name.to_ascii_lowercase().into(), model_price(raw).map_err(error)?);
        }
        // Without aliases, there are no errors.
        let (overrides, lower_case) = (overrides.build(), lower_case.build());
        debug_assert!(overrides.is_ok() && lower_case.is_ok());
        Ok(PriceTable {
            overrides: overrides.unwrap_or_default(),
            lower_case: lower_case.unwrap_or_default(),
            listed,
            built_in: raw.built_in && PriceTable::HAS_BUILT_IN,
            adjustments: Adjustments::new(raw.adjustments)?,
        })
    }

    /// Returns the price of a model at a provider of the policy; `None` if the table has none.
    ///
    /// A fine-tuned model costs more than its base model, so the entry of the base model is no price for it. An entry such as
    /// `ft:gpt-4o` or `ft:gpt-4o*` is.
    #[must_use]
    pub fn find(&self, model: &str, provider: Option<&str>) -> Option<ModelPrice> {
        let found = self.lookup(model, provider).filter(|found| !found.is_base_model)?;
        Some(self.adjusted(model, provider, &found))
    }

    /// Returns the price of the first of several names of one call, best known first: an entry of the configuration for any of the
    /// names, then one of the list, then `*`. So a price that the operator has set for the requested name (a deployment) wins over
    /// the list price of the name that the provider reports.
    #[must_use]
    pub fn find_first(&self, names: &[&str], provider: Option<&str>) -> Option<ModelPrice> {
        let (name, found) = self.first(names, provider)?;
        Some(self.adjusted(name, provider, &found))
    }

    /// Returns the price of [`find_first`](Self::find_first) with the way to it, and the name that has it.
    #[must_use]
    pub fn explain_first<'n>(&self, names: &[&'n str], provider: Option<&str>) -> Option<(&'n str, PriceMatch)> {
        let (name, found) = self.first(names, provider)?;
        Some((name, self.explained(name, provider, found)))
    }

    /// Returns the price of a model with the way to it, also that of the base model of a fine-tuned one.
    #[must_use]
    pub fn explain(&self, model: &str, provider: Option<&str>) -> Option<PriceMatch> {
        let found = self.lookup(model, provider)?;
        Some(self.explained(model, provider, found))
    }

    /// Returns the entry of the configuration that applies to a model, also that of the base model of a fine-tuned one.
    #[must_use]
    pub fn resolve<'m, 't: 'm>(&'t self, model: &'m str) -> Option<Resolution<'m, 't, ModelPrice>> {
        self.overrides.resolve(model)
    }

    /// `true` if this build has the built-in table.
    pub const HAS_BUILT_IN: bool = cfg!(feature = "built-in");

    /// Returns `true` if the table has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.overrides.is_empty() && self.listed.is_empty() && !self.built_in
    }

    /// Looks up several names of one call, see [`find_first`](Self::find_first).
    fn first<'n>(&self, names: &[&'n str], provider: Option<&str>) -> Option<(&'n str, Found<'_>)> {
        let usable = |found: &Found<'_>| !found.is_base_model;
        let own = |name: &&'n str| {
            let found = self.overridden(name, provider).filter(usable)?;
            (found.entry != CATCH_ALL).then_some((*name, found))
        };
        let listed = |name: &&'n str| Some((*name, self.in_list(name, provider).filter(usable)?));
        let any = |name: &&'n str| Some((*name, self.lookup(name, provider).filter(usable)?));
        let names = names.iter();
        names.clone().find_map(own).or_else(|| names.clone().find_map(listed)).or_else(|| names.clone().find_map(any))
    }

    /// Returns a found entry with the way to it.
    fn explained(&self, model: &str, provider: Option<&str>, found: Found<'_>) -> PriceMatch {
        let steps = match found.source {
            PriceSource::Override if found.is_lower_case => words(&self.lower_case.steps(&found.name)),
            PriceSource::Override => words(&self.overrides.steps(&found.name)),
            PriceSource::File | PriceSource::BuiltIn => listed_steps(&found.name, &found.entry),
        };
        PriceMatch {
            price: self.adjusted(model, provider, &found),
            entry: found.entry.into_owned(),
            source: found.source,
            name: found.name,
            is_base_model: found.is_base_model,
            steps,
        }
    }

    /// Looks up a model: entries of the configuration but for `*`, then listed ones, then `*`.
    fn lookup(&self, model: &str, provider: Option<&str>) -> Option<Found<'_>> {
        let (own, catch_all) = match self.overridden(model, provider) {
            Some(found) if found.entry == CATCH_ALL => (None, Some(found)),
            found => (found, None),
        };
        if own.as_ref().is_some_and(|found| !found.is_base_model) {
            return own;
        }
        let listed = self.in_list(model, provider);
        match listed.as_ref().is_some_and(|found| !found.is_base_model) {
            true => listed,
            false => own.or(listed).or(catch_all),
        }
    }

    /// Returns the entry of the configuration, by the name with its provider in front, in any case.
    fn overridden(&self, model: &str, provider: Option<&str>) -> Option<Found<'_>> {
        if self.overrides.is_empty() {
            return None;
        }
        let name: Cow<'_, str> = match provider {
            Some(provider) => format!("{provider}/{model}").into(),
            None => model.into(),
        };
        let resolve = |is_lower_case: bool| {
            let name = if is_lower_case { name.to_ascii_lowercase() } else { name.clone().into_owned() };
            let resolver = if is_lower_case { &self.lower_case } else { &self.overrides };
            let found = resolver.resolve(&name)?;
            Some(Found {
                price: Cow::Borrowed(found.value),
                entry: Cow::Borrowed(found.entry),
                source: PriceSource::Override,
                provider: None,
                is_base_model: found.is_base_model,
                is_lower_case,
                name,
            })
        };
        let found = resolve(false);
        let is_exact = found.as_ref().is_some_and(|found| found.entry != CATCH_ALL);
        if is_exact || !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return found;
        }
        resolve(true).or(found)
    }

    /// Returns the listed or built-in entry.
    fn in_list(&self, model: &str, provider: Option<&str>) -> Option<Found<'_>> {
        if self.listed.is_empty() && !self.built_in {
            return None;
        }
        let model = model.to_ascii_lowercase();
        let families = provider.map(prefixes).unwrap_or_default();
        let mut base_model = None;
        for candidate in candidates(&model) {
            let prefixed = families.iter().map(|family| format!("{family}/{}", candidate.text));
            for name in prefixed.chain([candidate.text.to_owned()]) {
                let Some((price, source, entry_provider)) = self.listed_exactly(&name) else { continue };
                let first = name.split_once('/').map(|(first, _)| first.to_owned());
                // A client must not choose the price of another provider than the policy's.
                if !families.is_empty() && first.as_deref().is_some_and(|first| !is_of(first, &families)) {
                    continue;
                }
                let found = Found {
                    price,
                    entry: Cow::Owned(name),
                    source,
                    provider: entry_provider.or(first),
                    is_base_model: candidate.is_base_model,
                    is_lower_case: true,
                    name: model.clone(),
                };
                if !candidate.is_base_model {
                    return Some(found);
                }
                base_model.get_or_insert(found);
            }
        }
        base_model
    }

    /// Returns the listed or built-in price of exactly this name, and its provider.
    fn listed_exactly(&self, name: &str) -> Option<(Cow<'_, ModelPrice>, PriceSource, Option<String>)> {
        if let Some(price) = self.listed.get(name) {
            return Some((Cow::Borrowed(price), PriceSource::File, None));
        }
        #[cfg(feature = "built-in")]
        if self.built_in
            && let Some((price, provider)) = crate::built_in::find(name)
        {
            return Some((Cow::Owned(price), PriceSource::BuiltIn, Some(provider.to_owned())));
        }
        None
    }

    /// Returns the price with the discounts and uplifts of the configuration.
    fn adjusted(&self, model: &str, provider: Option<&str>, found: &Found<'_>) -> ModelPrice {
        let mut price = found.price.clone().into_owned();
        self.adjustments.apply(model, provider.or(found.provider.as_deref()), &mut price);
        price
    }
}

/// Entry of the table that applies to a model.
struct Found<'t> {
    price: Cow<'t, ModelPrice>,
    entry: Cow<'t, str>,
    source: PriceSource,
    /// Provider of the entry, if the table knows it.
    provider: Option<String>,
    is_base_model: bool,
    /// The name and the entry are compared in lower case.
    is_lower_case: bool,
    /// Name that was looked up.
    name: String,
}

fn words(steps: &[Step<'_>]) -> Vec<String> {
    steps.iter().map(Step::to_string).collect()
}

/// Returns the steps from a name to an entry of the list, which may have the provider in front.
fn listed_steps(name: &str, entry: &str) -> Vec<String> {
    let leads_to = |text: &str| entry.strip_suffix(text).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    let Some(candidate) = candidates(name).find(|candidate| leads_to(candidate.text)) else { return Vec::new() };
    let mut steps = words(&candidate.steps());
    if entry != candidate.text {
        steps.pop();
        steps.push(format!("entry `{entry}`, of the provider"));
    }
    steps
}

#[cfg(test)]
mod tests;
