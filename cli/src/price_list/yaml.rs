//! Price list as a file that a policy names: `prices: {file: prices-2026-11.yaml}`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tollgate_prices::source::{SourceModel, SourceRate};

/// Returns the file with these models. `header` are comments at its top, one per line.
#[must_use]
pub fn text(header: &[String], models: &[&SourceModel]) -> String {
    let mut text: String = header.iter().map(|line| format!("# {line}\n")).collect();
    text.push_str("version: 1\nmodels:\n");
    for model in models {
        // A JSON string is also a YAML string.
        let name = serde_json::Value::from(model.name.as_str());
        let _ = writeln!(text, "  {name}: {{{}}}", members(model).join(", "));
    }
    text
}

/// Returns the members of a model, as in `prices.override`.
fn members(model: &SourceModel) -> Vec<String> {
    let mut members = level(model, None);
    let mut tiers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for rate in &model.rates {
        if let Some(tier) = rate.tier {
            tiers.entry(tier.name()).or_insert_with(|| level(model, Some(tier)));
        }
    }
    if !tiers.is_empty() {
        let tiers: Vec<String> =
            tiers.iter().map(|(name, members)| format!("{name}: {{{}}}", members.join(", "))).collect();
        members.push(format!("tiers: {{{}}}", tiers.join(", ")));
    }
    if !model.uplifts.is_empty() {
        let uplifts: Vec<String> =
            model.uplifts.iter().map(|(name, factor)| format!("{name}: \"{}\"", factor_text(*factor))).collect();
        members.push(format!("uplifts: {{{}}}", uplifts.join(", ")));
    }
    if model.one_search_per_call {
        members.push("one_search_per_call: true".to_owned());
    }
    members.extend(model.max_input.map(|number| format!("max_input_tokens: {number}")));
    members.extend(model.max_output.map(|number| format!("max_output_tokens: {number}")));
    members
}

/// Returns the prices of a service tier or of none, those above thresholds last.
fn level(model: &SourceModel, tier: Option<tollgate_prices::ServiceTier>) -> Vec<String> {
    let price = |rate: &SourceRate| format!("{}: \"{}\"", rate.dimension.name(), rate.dollars());
    let own = || model.rates.iter().filter(move |rate| rate.tier == tier);
    let mut members: Vec<String> = own().filter(|rate| rate.above == 0).map(price).collect();
    let mut above: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for rate in own().filter(|rate| rate.above > 0) {
        above.entry(rate.above).or_default().push(price(rate));
    }
    if !above.is_empty() {
        let above: Vec<String> =
            above.iter().map(|(above, prices)| format!("\"{above}\": {{{}}}", prices.join(", "))).collect();
        members.push(format!("above: {{{}}}", above.join(", ")));
    }
    members
}

fn factor_text(millionths: u64) -> String {
    tollgate_prices::Multiplier::from_millionths(millionths).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_written_as_the_policy_reads_them() {
        let line = "Org/m:x\topenai\tinput=2 input>272000=4 output=12 input@flex=1 output>272000@flex=9 uplift.eu=1.1 one_search_per_call \
                    max_input=5 max_output=6";
        let model = SourceModel::parse(line).unwrap();
        assert_eq!(
            text(&["Of today.".to_owned()], &[&model]),
            "# Of today.\nversion: 1\nmodels:\n  \"Org/m:x\": {input: \"2\", output: \"12\", above: {\"272000\": {input: \"4\"}}, \
             tiers: {flex: {input: \"1\", above: {\"272000\": {output: \"9\"}}}}, uplifts: {eu: \"1.1\"}, one_search_per_call: true, \
             max_input_tokens: 5, max_output_tokens: 6}\n"
        );
    }
}
