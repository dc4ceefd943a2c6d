//! The tests of the chain of four, run on the gateway filter with the same expectations.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use tollgate::backend::Backend;
use tollgate::backend::wasm::{self, Wasm};
use tollgate::discover;
use tollgate::file::FilterName;
use tollgate::plan::{ResolvedFilter, Suite};
use tollgate::run::{self, Job};
use tollgate::test_result::TestStatus;
use tollgate_gateway_tests::policy;
use tollgate_workspace as workspace;

/// Tests whose expectations hold for the chain only, by file and name, with the reason.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "admission.test.yaml",
        "a large prompt is not counted if its answer alone would not fit",
        "`counting: exact` counts every prompt; without token-counter, cost-quota stops early",
    ),
    ("admission.test.yaml", "a large prompt is counted no further than to see that it does not fit", "as before"),
    (
        "model_only.test.yaml",
        "the first model of two",
        "the gateway has no `read_whole: false`: as the first filter, it reads the whole body",
    ),
    (
        "unscannable_passes.test.yaml",
        "a request with two models passes unread",
        "one filter counts an unread request once, two count it twice",
    ),
];

#[test]
fn the_gateway_passes_the_tests_of_the_chain() {
    let module = wasm::module(&workspace::module(workspace::BUNDLE).unwrap()).unwrap();
    let folders = ["examples", "tests/scenarios"].map(|folder| workspace::root().join(folder));
    let mut suites = Vec::new();
    for path in discover::test_files(&folders).unwrap() {
        let mut suite = Suite::read(&path, &mut BTreeSet::new()).unwrap();
        if suite.chain.filters.iter().any(|filter| filter.name == FilterName::Tollgate) {
            // The tests of a policy file run on the gateway anyway.
            continue;
        }
        let Some(configuration) = policy(&suite.chain.filters) else {
            panic!("no policy describes the chain of {}", path.display());
        };
        let filter = ResolvedFilter { name: FilterName::Tollgate, configuration, source: path };
        let mut chain = (*suite.chain).clone();
        chain.filters = vec![filter];
        suite.chain = Arc::new(chain);
        suites.push(suite);
    }
    let backends: Vec<Wasm> = suites.iter().map(|suite| Wasm::new(&module, &suite.chain).unwrap()).collect();
    let jobs: Vec<Job<'_>> = suites
        .iter()
        .zip(&backends)
        .flat_map(|(suite, backend)| {
            suite.cases.iter().map(move |case| Job { suite, case, backend: backend as &dyn Backend })
        })
        .collect();
    let results = wasm::patiently(&module, || run::all(&jobs, 2));
    assert!(results.len() > 250, "{} tests", results.len());
    let mut different: BTreeSet<(String, String)> = BTreeSet::new();
    let mut failures = String::new();
    for result in results {
        let file = result.path.file_name().unwrap().to_string_lossy().into_owned();
        let TestStatus::Failed(failure) = &result.status else { continue };
        if DIFFERENT.iter().any(|(path, name, _)| *path == file && *name == result.name) {
            different.insert((file, result.name));
        } else {
            writeln!(failures, "{file}: {}: {failure:?}", result.name).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert_eq!(different.len(), DIFFERENT.len(), "a difference is gone: {different:?}");
}
