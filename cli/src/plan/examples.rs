//! Tests generated from the examples in policies: they check a rule's own examples against the module.

use std::collections::BTreeMap;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::file::{Chat, Expect, Request, Response, Split, SplitKind};

use super::{Action, Case, Exchange, ResolvedChain, ResolvedFilter, Suite, request, response};

/// Generates tests for the examples in the policies of all suites, one suite per policy. Their chain contains the
/// firewall only, because later filters do not affect what a rule matches.
pub fn examples(suites: &[Suite]) -> Vec<Suite> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for suite in suites {
        for filter in suite.chain.filters.iter().filter_map(ResolvedFilter::only_rules) {
            if seen.insert((filter.source.clone(), filter.configuration.to_string())) {
                let source = filter.source.clone();
                let chain = ResolvedChain::of_filter(filter);
                let cases: Vec<Case> = chain.firewall.rules.iter().flat_map(cases).collect();
                if !cases.is_empty() {
                    found.push(Suite { path: source, chain: Arc::new(chain), cases });
                }
            }
        }
    }
    found
}

fn cases(rule: &crate::firewall_rules::FirewallRule) -> Vec<Case> {
    let of = |(texts, matches): (&Vec<String>, bool)| -> Vec<Case> {
        let each = texts.iter().enumerate().filter_map(|(at, text)| case(rule, text, at, matches));
        each.collect()
    };
    [(&rule.matching, true), (&rule.not_matching, false)].into_iter().flat_map(of).collect()
}

fn case(rule: &crate::firewall_rules::FirewallRule, text: &str, at: usize, matches: bool) -> Option<Case> {
    let (mut request, mut response) = (Request::default(), Response::default());
    let prompt = if rule.on_requests { text } else { "" };
    request.chat = Some(Chat { user: Some(json!(prompt)), ..Chat::default() });
    if !rule.on_requests {
        response.text = Some(text.to_owned());
    }
    let here = Path::new(".");
    let sent = request::resolve(&request, &Request::default(), &response, None, here).ok()?;
    let response = response::resolve(&response, &Response::default(), &sent, here).ok()?;
    // Other rules may match the example, too.
    let ids = vec![rule.id.clone()];
    let (included, excluded) = if matches { (ids, Vec::new()) } else { (Vec::new(), ids) };
    let expect = Expect { rules_include: Some(included), not_rules: excluded, ..Expect::default() };
    let verb = if matches { "matches" } else { "does not match" };
    let name = format!("{} {verb} its example {}", rule.id, at + 1);
    let exchange =
        Exchange { request: sent, response, guards: BTreeMap::new(), expect: Some(expect), step: None, line: 0 };
    Some(Case::new(name, Split::Only(vec![SplitKind::Whole]), vec![Action::Send(Box::new(exchange))]))
}
