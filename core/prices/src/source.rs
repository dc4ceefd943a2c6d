//! Format of the checked-in price list, `data/models.tsv`: one line per model, sorted by name.
//!
//! ```text
//! gpt-4o<TAB>openai<TAB>input=2.5 cached_input=1.25 output=10 input@priority=4.25 max_output=16384 deprecated=2027-01-14
//! ```
//!
//! The columns are the name, the provider, and fields separated by spaces. A price is `dimension[>threshold][@tier]=dollars`, in the
//! units of the configuration: per million tokens, per second or per piece. `uplift.<name>` is a factor. A line that starts with
//! `#` is a comment. The build script compiles the list into the built-in table, so this module does not depend on the rest of the
//! crate.

use std::fmt;

use crate::dimension::{Dimension, Per};
use crate::service_tier::ServiceTier;

/// Text of the list. Only programs that use it contain it.
#[cfg(feature = "built-in")]
pub const TEXT: &str = include_str!("../data/models.tsv");

/// Model of the price list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceModel {
    /// Name, in any case.
    pub name: String,
    /// Provider that sells the model at these prices.
    pub provider: String,
    /// Prices.
    pub rates: Vec<SourceRate>,
    /// Surcharges by name, in millionths of a factor.
    pub uplifts: Vec<(String, u64)>,
    /// Charges one web search per call.
    pub one_search_per_call: bool,
    /// Maximum number of prompt tokens.
    pub max_input: Option<u64>,
    /// Maximum number of output tokens.
    pub max_output: Option<u64>,
    /// Model that this name is another name of. Its prices are repeated here.
    pub alias_of: Option<String>,
    /// Date on which the provider retires the model, `YYYY-MM-DD`.
    pub deprecated: Option<String>,
    /// Model that the provider or the list recommends instead.
    pub successor: Option<String>,
}

/// Price of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceRate {
    /// Quantity that is charged.
    pub dimension: Dimension,
    /// Number of prompt tokens that a call must exceed; 0 for every call.
    pub above: u64,
    /// Service tier.
    pub tier: Option<ServiceTier>,
    /// Price of one unit in femto-dollars.
    pub femtos: u64,
}

/// Returns the number of decimals of a price in dollars for its amount: a femto-dollar per unit.
fn places(dimension: Dimension) -> usize {
    match dimension.per() {
        Per::MillionTokens => 9,
        Per::Second | Per::Piece => 15,
    }
}

/// Parses a decimal number as an integer of `10^-places`; `None` if it has more decimals or does not fit.
#[must_use]
pub fn scaled(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > places {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

/// Prints an integer of `10^-places` as a decimal number without trailing zeros.
fn decimal(number: u64, places: usize) -> String {
    let padded = format!("{number:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl SourceRate {
    /// Returns the price in dollars for the amount that it refers to.
    #[must_use]
    pub fn dollars(&self) -> String {
        decimal(self.femtos, places(self.dimension))
    }
}

impl SourceModel {
    /// Parses a line.
    ///
    /// # Errors
    /// A description of what is wrong.
    pub fn parse(line: &str) -> Result<SourceModel, String> {
        let mut columns = line.split('\t');
        let (Some(name), Some(provider), Some(fields), None) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            return Err(format!("expected three columns: {line}"));
        };
        let mut model = SourceModel { name: name.into(), provider: provider.into(), ..SourceModel::default() };
        for field in fields.split(' ').filter(|field| !field.is_empty()) {
            model.field(field).ok_or_else(|| format!("{name}: invalid field `{field}`"))?;
        }
        Ok(model)
    }

    fn field(&mut self, field: &str) -> Option<()> {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        match key {
            "max_input" => self.max_input = Some(value.parse().ok()?),
            "max_output" => self.max_output = Some(value.parse().ok()?),
            "alias_of" => self.alias_of = Some(value.to_owned()),
            "deprecated" => self.deprecated = Some(value.to_owned()),
            "successor" => self.successor = Some(value.to_owned()),
            "one_search_per_call" => self.one_search_per_call = true,
            _ => match key.strip_prefix("uplift.") {
                Some(name) => self.uplifts.push((name.to_owned(), scaled(value, 6)?)),
                None => self.rates.push(rate(key, value)?),
            },
        }
        Some(())
    }
}

fn rate(key: &str, value: &str) -> Option<SourceRate> {
    let (key, tier) = match key.split_once('@') {
        Some((key, tier)) => (key, Some(ServiceTier::from_name(tier)?)),
        None => (key, None),
    };
    let (name, above) = match key.split_once('>') {
        Some((name, above)) => (name, above.parse().ok()?),
        None => (key, 0),
    };
    let dimension = Dimension::from_name(name)?;
    Some(SourceRate { dimension, above, tier, femtos: scaled(value, places(dimension))? })
}

impl fmt::Display for SourceRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.dimension.name())?;
        if self.above > 0 {
            write!(f, ">{}", self.above)?;
        }
        if let Some(tier) = self.tier {
            write!(f, "@{}", tier.name())?;
        }
        write!(f, "={}", self.dollars())
    }
}

impl fmt::Display for SourceModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields: Vec<String> = self.rates.iter().map(SourceRate::to_string).collect();
        fields.extend(self.uplifts.iter().map(|(name, factor)| format!("uplift.{name}={}", decimal(*factor, 6))));
        if self.one_search_per_call {
            fields.push("one_search_per_call".to_owned());
        }
        let numbers = [("max_input", self.max_input), ("max_output", self.max_output)];
        fields.extend(numbers.iter().filter_map(|(key, value)| Some(format!("{key}={}", (*value)?))));
        let texts = [("alias_of", &self.alias_of), ("deprecated", &self.deprecated), ("successor", &self.successor)];
        fields.extend(texts.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_deref()?))));
        write!(f, "{}\t{}\t{}", self.name, self.provider, fields.join(" "))
    }
}

/// Parses a price list.
///
/// # Errors
/// A description of the first wrong line.
pub fn parse(text: &str) -> Result<Vec<SourceModel>, String> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(SourceModel::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_printed_as_they_are_read() {
        let line = "gpt-4o\topenai\tinput=2.5 input>272000@priority=8 output=10 audio_second=0.000283333333333 uplift.eu=1.1 \
                    one_search_per_call max_input=128000 max_output=16384 alias_of=m deprecated=2027-01-14 successor=n";
        let model = SourceModel::parse(line).unwrap();
        assert_eq!(model.to_string(), line);
        let long = SourceRate {
            dimension: Dimension::Input,
            above: 272_000,
            tier: Some(ServiceTier::Priority),
            femtos: 8_000_000_000,
        };
        assert_eq!(
            (model.rates.len(), model.rates[1], &model.uplifts[..]),
            (4, long, &[("eu".to_owned(), 1_100_000)][..])
        );
        for line in [
            "a\tb",
            "a\tb\tinput",
            "a\tb\tinput=1.0000000001",
            "a\tb\tinput=-1",
            "a\tb\tinput@slow=1",
            "a\tb\tinput>x=1",
            "a\tb\ttokens=1",
        ] {
            assert!(SourceModel::parse(line).is_err(), "{line}");
        }
        assert_eq!(
            (decimal(0, 9), decimal(10, 0), scaled("", 3), scaled("1.", 3)),
            ("0".into(), "10".into(), None, Some(1_000))
        );
    }
}
