//! The `tollgate` command.
//!
//! `tollgate test` runs `*.test.yaml` files: it sends requests and scripted upstream responses through a chain of
//! filters, using the module that Envoy loads and the production policy, and compares the result with the test's
//! expectations. No socket is opened and nothing sleeps; time is virtual.
//!
//! The modules, in the order in which a test passes through them:
//!
//! ```text
//! file            the parsed test file               -> nearest, problem: errors with their position
//! plan            tests with all defaults applied: bodies, headers, policies
//! matrix          the deliveries of a test           -> delivery; cut_points, literals, firewall_rules: offsets to cut at
//! backend         runs one delivery: observation     (wasm: tollgate-host; envoy: a real Envoy)
//! expect          compares with the expectations     -> secrets: masking
//! content_length  checks the length headers of every delivery
//! split_diff      compares two deliveries of a test  -> shrink: minimises a failing delivery
//! run             runs all tests in parallel: test_result
//! report          pretty, json, junit, github, sarif; coverage
//! policy_file     policy files with their included files (`tollgate check`)
//! explain         verdict of every stage of a policy on one request (`tollgate explain`)
//! import          rules of other tools (`tollgate import`)
//! inspection      verdict of the rules on texts and bodies (`tollgate inspect`, `tollgate bench firewall`)
//! render          configuration of a proxy that runs a policy (`tollgate render`)
//! paths_page      table of the paths of LLM APIs
//! policy_page     reference page of policy files
//! envoy_routes    routes of an Envoy configuration, which the policy's routes need
//! envoy_version   parts of a policy that need a newer Envoy
//! ```
//!
//! The behaviour of a filter must not depend on how bytes arrive. Every test therefore runs in each delivery that could
//! make a difference, and all deliveries must agree. Filters elsewhere have failed exactly there: an `end_of_stream`
//! flag that is never set when trailers follow, or a value that is split between two chunks.
//!
//! ```
//! use std::path::Path;
//! use tollgate::plan::Suite;
//!
//! let text = r#"
//! version: 1
//! chain:
//! - filter: prompt-inspector
//!   config: {rules: [{id: word, match: {keywords: [heron]}, action: block}]}
//! tests:
//! - name: the word is blocked
//!   request: {chat: {user: "a heron"}}
//!   expect: {verdict: block, rules: [word], upstream: untouhced}
//! "#;
//! let problems = Suite::parse(Path::new("policy.test.yaml"), text).unwrap_err();
//! assert_eq!(problems.to_string(), "policy.test.yaml:9:43: unknown value `untouhced`: did you mean `untouched`?");
//! assert!(Suite::parse(Path::new("policy.test.yaml"), &text.replace("hced", "ched")).is_ok());
//! ```

pub mod args;
pub mod backend;
mod buffer_limits;
pub mod command;
pub mod content_length;
pub mod coverage;
pub mod cut_points;
pub mod delivery;
pub mod discover;
pub mod envoy_routes;
pub mod envoy_version;
pub mod expect;
pub mod explain;
pub mod file;
pub mod firewall_rules;
pub mod import;
pub mod inspection;
pub mod literals;
pub mod matrix;
pub mod mismatch;
pub mod observation;
pub mod paths_page;
pub mod plan;
pub mod policy_file;
pub mod policy_page;
pub mod price_list;
pub mod problem;
pub mod render;
pub mod report;
pub mod rule_costs;
pub mod rule_packs;
pub mod run;
pub mod schema;
pub mod secrets;
pub mod shrink;
pub mod split_diff;
pub mod test_result;
pub mod today;
mod yaml;
