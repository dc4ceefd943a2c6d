//! Compiles the parts `budgets` and `quota`.

use std::collections::BTreeMap;

use tollgate_config::{Path, Step};
use tollgate_names::Entries;
use tollgate_quota::{Quota, RawBudget as Budget, RawConsumer, RawQuota as QuotaConfig};

use crate::budgets::RawBudget;
use crate::compile::{Findings, in_document};
use crate::quota::RawQuota;

pub(super) fn compile(raw: Vec<RawBudget>, quota: RawQuota, findings: &mut Findings) -> Option<Quota> {
    let path = Path::part("budgets");
    let indices = findings.indices(&path, raw.len());
    let mut common = Group::default();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let any = !raw.is_empty();
    for (budget, index) in raw.into_iter().zip(indices) {
        let RawBudget { name, per: _, consumers, unit, limit, window } = budget;
        let budget = Budget { name, unit, limit, window };
        let one = QuotaConfig { budgets: vec![budget.clone()], ..QuotaConfig::default() };
        if let Err(error) = Quota::new(one) {
            findings.invalid(in_document(Path::default().join(&error.path), 1, &[index]), error.problem);
            continue;
        }
        match consumers {
            None => common.add(&budget, index),
            Some(names) => {
                for name in names {
                    groups.entry(name).or_default().add(&budget, index);
                }
            }
        }
    }
    for name in &quota.exempt {
        groups.entry(name.clone()).or_default();
    }
    let config = QuotaConfig {
        namespace: quota.namespace,
        budgets: common.budgets,
        consumers: Entries(groups.iter().map(|(name, group)| (name.clone(), group.consumer())).collect()),
        lease: quota.lease,
        on_lost: quota.on_lost,
        on_abandoned: quota.on_abandoned,
        on_background: quota.on_background,
        on_batch: quota.on_batch,
        max_consumers: quota.max_consumers,
        overflow: quota.overflow,
        output_cap: quota.output_cap,
        assumed_output_tokens: quota.assumed_output_tokens,
        max_output_tokens: quota.max_output_tokens,
    };
    let quota = together(config, &common.indices, &groups, findings)?;
    any.then_some(quota)
}

/// Budgets of one consumer, or of all without an own one, with their indices in the document.
#[derive(Default)]
struct Group {
    budgets: Vec<Budget>,
    indices: Vec<usize>,
}

impl Group {
    fn add(&mut self, budget: &Budget, index: usize) {
        self.budgets.push(budget.clone());
        self.indices.push(index);
    }

    fn consumer(&self) -> RawConsumer {
        RawConsumer { budgets: self.budgets.clone() }
    }
}

/// Validates the budgets together; after an error the value at fault is left out and the rest is validated again.
fn together(
    mut config: QuotaConfig,
    common: &[usize],
    groups: &BTreeMap<String, Group>,
    findings: &mut Findings,
) -> Option<Quota> {
    const MAX_REPORTED: usize = 50;
    let defaults = QuotaConfig::default();
    let mut failed = false;
    for _ in 0..MAX_REPORTED {
        let error = match Quota::new(config.clone()) {
            Ok(quota) => return (!failed).then_some(quota),
            Err(error) => error,
        };
        failed = true;
        let path = Path::default().join(&error.path);
        match path.0.as_slice() {
            [Step::Key(part), Step::Index(index), ..] if part == "budgets" => {
                findings.invalid(in_document(path.clone(), 1, common), error.problem);
                // The indices of later ones no longer agree.
                config.budgets.truncate(*index);
            }
            [Step::Key(part), Step::Key(name), rest @ ..] if part == "consumers" => {
                let indices = groups.get(name).map(|group| group.indices.as_slice()).unwrap_or_default();
                let below = match rest {
                    [_, index @ Step::Index(_), field @ ..] => {
                        let mut steps = vec![Step::Key("budgets".to_owned()), index.clone()];
                        steps.extend_from_slice(field);
                        in_document(Path(steps), 1, indices)
                    }
                    _ => consumer_place(indices),
                };
                findings.invalid(below, error.problem);
                config.consumers.0.remove(name);
            }
            [Step::Key(part)] if part == "budgets" => {
                findings.invalid(path, error.problem);
                config.budgets.clear();
            }
            [Step::Key(field)] => {
                findings.invalid(Path::part("quota").key(field), error.problem);
                config.namespace = defaults.namespace.clone();
                config.lease = defaults.lease;
                config.assumed_output_tokens = defaults.assumed_output_tokens;
                config.max_output_tokens = defaults.max_output_tokens;
            }
            _ => return None,
        }
    }
    None
}

/// Returns the place of a consumer's name: the `for` of its first budget, or `quota.exempt`.
fn consumer_place(indices: &[usize]) -> Path {
    match indices.first() {
        Some(index) => Path::part("budgets").index(*index).key("for"),
        None => Path::part("quota").key("exempt"),
    }
}
