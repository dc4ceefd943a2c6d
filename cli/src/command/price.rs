//! `tollgate price`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use tollgate_policy::{CompiledPolicy, OnUnknownPrice, Severity};
use tollgate_prices::{
    CostPart, ModelPrice, Multiplier, Per, PriceMatch, PriceSource, PriceTable, Quantities, RawPriceTable, ServiceTier,
    source,
};

use crate::args::PriceArgs;
use crate::policy_file;
use crate::problem::{Problem, Problems};

/// Exit status if the model has no price.
const UNPRICED: u8 = 1;

pub(super) fn run(args: &PriceArgs) -> ExitCode {
    let found = match find(args) {
        Ok(found) => found,
        Err(problems) => {
            for problem in &problems.0 {
                eprintln!("error: {problem}");
            }
            return ExitCode::from(2);
        }
    };
    let Some(found) = found else {
        match args.json {
            true => println!("{}", json!({"model": args.model, "cost": null})),
            false => eprintln!("`{}` has no price", args.model),
        }
        return ExitCode::from(UNPRICED);
    };
    let bill = Bill::new(args, found);
    match (args.json, args.explain) {
        (true, _) => println!("{}", bill.json()),
        (false, true) => print!("{}", bill.text()),
        (false, false) => println!("{}", bill.cost),
    }
    ExitCode::SUCCESS
}

/// Finds the price as the gateway does.
fn find(args: &PriceArgs) -> Result<Option<PriceMatch>, Problems> {
    let Some(path) = &args.policy else {
        let table = PriceTable::compile(RawPriceTable { built_in: true, ..RawPriceTable::default() });
        let table = table.map_err(|error| Problems(vec![Problem::new(error.to_string())]))?;
        return Ok(usable(table.explain(&args.model, args.provider.as_deref())));
    };
    let policy = read(path)?;
    let target = policy.catalog.resolve_alias(&args.model);
    let provider = args.provider.as_deref().or_else(|| policy.model_providers.find(&args.model).map(String::as_str));
    let found = policy.prices.explain_first(&[target, args.model.as_str()], provider);
    Ok(found.map(|(_, found)| found).or_else(|| match &policy.on_unknown_price {
        OnUnknownPrice::As(other) => usable(policy.prices.explain(other, None)),
        _ => None,
    }))
}

/// Returns the match unless it is the price of the base model of a fine-tuned one.
fn usable(found: Option<PriceMatch>) -> Option<PriceMatch> {
    found.filter(|found| !found.is_base_model)
}

fn read(path: &Path) -> Result<CompiledPolicy, Problems> {
    let document = policy_file::load(path, &mut BTreeSet::new())?;
    document.compile().map_err(|found| {
        let errors = found.iter().filter(|located| located.finding.severity == Severity::Error);
        Problems(errors.map(Problem::of_finding).collect())
    })
}

/// Cost of the call with its parts.
struct Bill {
    model: String,
    found: PriceMatch,
    tier: Option<ServiceTier>,
    parts: Vec<CostPart>,
    cost: String,
    /// Notes about the model from the price list.
    notes: Vec<String>,
}

impl Bill {
    fn new(args: &PriceArgs, found: PriceMatch) -> Bill {
        let used = Quantities::from(&args.quantities);
        let reported = args.service_tier.as_deref().and_then(tollgate_llm::ServiceTier::from_reported);
        let tier = reported.and_then(|tier| ServiceTier::from_name(tier.name()));
        let parts = found
            .price
            .parts(&used, tier)
            .filter(|part| part.price.0 > 0 || part.dimension.per() == Per::MillionTokens);
        Bill {
            model: args.model.clone(),
            tier,
            parts: parts.collect(),
            cost: found.price.cost(&used, tier).to_string(),
            notes: notes(&found),
            found,
        }
    }

    fn text(&self) -> String {
        let PriceMatch { price, steps, source, .. } = &self.found;
        let mut text = format!("{}\n", self.model);
        for step in steps {
            text.push_str(&format!("  {step}\n"));
        }
        text.push_str(&format!("  from {}\n", origin(*source)));
        for note in &self.notes {
            text.push_str(&format!("  {note}\n"));
        }
        for CostPart { dimension, amount, price } in &self.parts {
            let (amount, unit) = match dimension.per() {
                Per::MillionTokens => (amount.to_string(), "per million"),
                Per::Second => (format!("{}.{:03} s", amount / 1_000, amount % 1_000), "per second"),
                Per::Piece => (amount.to_string(), "each"),
            };
            text.push_str(&format!(
                "{:>20}  {amount:>12} x ${} {unit}\n",
                dimension.name(),
                price.display(dimension.per())
            ));
        }
        if price.multiplier != Multiplier::ONE {
            text.push_str(&format!("{:>20}  {:>12}\n", "multiplier", price.multiplier.to_string()));
        }
        text.push_str(&format!("{:>20}  {:>12}\n", "cost", format!("${}", self.cost)));
        text
    }

    fn json(&self) -> Value {
        let ModelPrice { multiplier, max_input_tokens, max_output_tokens, .. } = &self.found.price;
        let parts: Vec<Value> = self.parts.iter().map(|CostPart { dimension, amount, price }| {
            let amount = if dimension.per() == Per::Second { json!(*amount as f64 / 1_000.0) } else { json!(amount) };
            json!({"dimension": dimension.name(), "amount": amount, "price": price.display(dimension.per()).to_string()})
        }).collect();
        json!({
            "model": self.model, "entry": self.found.entry, "source": origin(self.found.source), "steps": self.found.steps,
            "service_tier": self.tier.map(ServiceTier::name), "parts": parts, "multiplier": multiplier.to_string(),
            "max_input_tokens": max_input_tokens, "max_output_tokens": max_output_tokens, "notes": self.notes, "cost": self.cost,
        })
    }
}

fn origin(source: PriceSource) -> &'static str {
    match source {
        PriceSource::Override => "`prices.override` of the policy",
        PriceSource::File => "the price file of the policy",
        PriceSource::BuiltIn => "the built-in table",
    }
}

/// Returns what the price list says about the model besides prices.
fn notes(found: &PriceMatch) -> Vec<String> {
    if found.source != PriceSource::BuiltIn {
        return Vec::new();
    }
    let models = source::parse(source::TEXT).unwrap_or_default();
    let Some(model) = models.into_iter().find(|model| model.name.eq_ignore_ascii_case(&found.entry)) else {
        return Vec::new();
    };
    let mut notes: Vec<String> = model.alias_of.iter().map(|target| format!("another name of `{target}`")).collect();
    notes.extend(model.deprecated.iter().map(|date| match &model.successor {
        Some(successor) => format!("retired on {date}; successor `{successor}`"),
        None => format!("retired on {date}"),
    }));
    notes
}
