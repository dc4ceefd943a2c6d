//! Compiles the part `prices`.

use std::collections::BTreeMap;

use tollgate_config::{Finding, Path};
use tollgate_names::Entries;
use tollgate_prices::{
    OnUnknownPrice, PriceTable, RawAdjustments, RawPrice, RawPriceTable, RawPrices as PricesByModel,
};

use crate::compile::Findings;
use crate::prices::{RawPrices, Table};

pub(super) fn compile(raw: RawPrices, findings: &mut Findings) -> (PriceTable, OnUnknownPrice) {
    let part = Path::part("prices");
    if raw.file.is_some() {
        let finding = Finding::error("include", part.key("file"), "a filter reads no files");
        findings.add(finding.with_help("`tollgate render` writes one document with the prices of the file"));
    }
    let built_in = raw.table == Table::BuiltIn;
    if built_in && !PriceTable::HAS_BUILT_IN {
        let finding = Finding::error("not-available", part.key("table"), "this build has no built-in table of prices");
        findings.add(finding.with_help("write `table: none`, and prices under `override` or in a `file`"));
    }
    let table = RawPriceTable {
        overrides: valid_prices(raw.overrides, &part.key("override"), findings),
        listed: valid_prices(raw.models, &part.key("models"), findings),
        built_in,
        adjustments: RawAdjustments {
            discounts: valid_shares(raw.discounts, &part, findings, |discounts| RawAdjustments {
                discounts,
                ..RawAdjustments::default()
            }),
            uplifts: valid_shares(raw.uplifts, &part, findings, |uplifts| RawAdjustments {
                uplifts,
                ..RawAdjustments::default()
            }),
        },
    };
    let table = PriceTable::compile(table);
    debug_assert!(table.is_ok(), "entries with different names that are valid alone are valid together");
    let table = table.unwrap_or_default();
    if let OnUnknownPrice::As(model) = &raw.on_unknown
        && table.find(model, None).is_none()
    {
        let place = part.key("on_unknown").key("as");
        findings.invalid(place, "the model has no price itself");
    }
    (table, raw.on_unknown)
}

/// Returns the valid entries, and reports the others.
fn valid_prices(raw: PricesByModel, path: &Path, findings: &mut Findings) -> PricesByModel {
    let mut valid: BTreeMap<String, RawPrice> = BTreeMap::new();
    for (name, price) in raw.0.0 {
        let one = PricesByModel(Entries(BTreeMap::from([(name.clone(), price.clone())])));
        match PriceTable::new(one) {
            Ok(_) => {
                valid.insert(name, price);
            }
            Err(error) => findings.invalid(path.join(&error.path), error.problem),
        }
    }
    PricesByModel(Entries(valid))
}

/// Returns the valid discounts or uplifts, and reports the others.
fn valid_shares(
    raw: Entries<String>,
    path: &Path,
    findings: &mut Findings,
    alone: impl Fn(Entries<String>) -> RawAdjustments,
) -> Entries<String> {
    let mut valid = BTreeMap::new();
    for (name, share) in raw.0 {
        let adjustments = alone(Entries(BTreeMap::from([(name.clone(), share.clone())])));
        match PriceTable::compile(RawPriceTable { adjustments, ..RawPriceTable::default() }) {
            Ok(_) => {
                valid.insert(name, share);
            }
            Err(error) => findings.invalid(path.join(&error.path), error.problem),
        }
    }
    Entries(valid)
}
