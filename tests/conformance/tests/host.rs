//! Compares the traces of the host with those of Envoy, line by line, except for differences that are listed with a reason.

use std::path::Path;

use tollgate_conformance::comparison::Comparison;

#[test]
fn the_host_behaves_like_the_recorded_envoys() {
    let comparison = Comparison::run(None).unwrap();
    assert!(comparison.scenarios > 300, "{} scenarios only", comparison.scenarios);
    assert!(comparison.is_clean(), "{comparison}");
}

#[test]
fn every_scenario_is_recorded_from_every_envoy() {
    use tollgate_conformance::{GOLDENS, SCENARIOS, golden::Golden, scenario::Theme};
    use tollgate_envoy_harness::VERSIONS;
    for theme in Theme::all(Path::new(SCENARIOS)).unwrap() {
        let golden = Golden::read(Path::new(GOLDENS), &theme.name).unwrap();
        for version in VERSIONS {
            for setup in theme.setups.iter().filter(|setup| setup.recorded_from(version)) {
                for scenario in setup.names() {
                    let name = format!("{}/{scenario}", setup.name);
                    assert!(golden.trace(version, &name).is_some(), "{}/{name} in Envoy {version}", theme.name);
                }
            }
        }
    }
}
