//! Compiles the part `prices`.

use std::collections::BTreeMap;

use tollgate_config::Path;
use tollgate_names::Entries;
use tollgate_prices::{PriceTable, RawPrices};

use crate::compile::Findings;

pub(super) fn compile(raw: RawPrices, findings: &mut Findings) -> PriceTable {
    let mut valid = BTreeMap::new();
    let path = Path::part("prices").key("override");
    for (name, price) in raw.0.0 {
        let one = RawPrices(Entries(BTreeMap::from([(name.clone(), price.clone())])));
        match PriceTable::new(one) {
            Ok(_) => {
                valid.insert(name, price);
            }
            Err(error) => findings.invalid(path.join(&error.path), error.problem),
        }
    }
    let table = PriceTable::new(RawPrices(Entries(valid)));
    debug_assert!(table.is_ok(), "entries with different names that are valid alone are valid together");
    table.unwrap_or_default()
}
