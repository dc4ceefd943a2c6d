//! The price list: facts of the package `litellm` as the lines of `core/prices/data/models.tsv`, and their differences.

pub mod convert;
pub mod diff;
pub mod package;
pub mod yaml;

use tollgate_prices::source::SourceModel;

/// Price list with its origin.
pub struct PriceList {
    /// Version of the package.
    pub version: String,
    /// Models, sorted by name.
    pub models: Vec<SourceModel>,
    /// Number of entries that were left out, by reason.
    pub left_out: Vec<(&'static str, usize)>,
}

impl PriceList {
    /// Returns the list as the text of `core/prices/data/models.tsv`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "# Prices of models: facts from the package litellm {} (MIT License, Copyright (c) 2023 Berri AI; see NOTICE).\n\
             # Written by `cargo xtask prices --update`. The format is described in core/prices/src/source.rs.\n",
            self.version
        );
        for model in &self.models {
            text.push_str(&format!("{model}\n"));
        }
        text
    }
}
