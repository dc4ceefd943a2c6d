//! `tollgate explain`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use serde::Serialize;
use tollgate_policy::document::Document;

use crate::args::ExplainArgs;
use crate::explain::{Call, explain, why_not};
use crate::policy_file;
use crate::problem::Problem;

pub(super) fn run(args: &ExplainArgs) -> ExitCode {
    match text(args) {
        Ok(text) => super::print(text.as_bytes()),
        Err(problems) => {
            for problem in problems {
                eprint!("{problem}");
            }
            ExitCode::from(2)
        }
    }
}

/// Returns the explanation, or all reasons why there is none.
fn text(args: &ExplainArgs) -> Result<String, Vec<String>> {
    let fail = |problem: Problem| vec![format!("error: {problem}\n")];
    let document = policy_file::load(&args.policy, &mut BTreeSet::new()).map_err(fail)?;
    let show = |found: Vec<_>| found.iter().map(|located| Document::show(&document, located)).collect::<Vec<_>>();
    let policy = document.compile().map_err(show)?;
    for warning in show(document.locate(policy.warnings.clone())) {
        eprint!("{warning}");
    }
    let call = call(args).map_err(fail)?;
    if let Some(rule) = &args.why_not {
        let response = args.response.as_deref().map(super::count::read).transpose().map_err(fail)?;
        let answer = why_not(&document, &policy, (&call, response.as_deref()), rule);
        let answer = answer.map_err(|message| fail(Problem::new(message)))?;
        return if args.json { json(&answer) } else { Ok(answer.render()) };
    }
    let explanation = explain(&document, &policy, &call);
    if args.json { json(&explanation) } else { Ok(explanation.render()) }
}

fn json(value: &impl Serialize) -> Result<String, Vec<String>> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|error| vec![format!("error: {error}\n")])
}

fn call(args: &ExplainArgs) -> Result<Call, Problem> {
    let headers = args.headers.iter().map(|header| {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Problem::new(format!("--header: `{header}` is not of the form `name:value`")))?;
        Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Call {
        path: args.path.clone(),
        headers: headers.collect::<Result<_, Problem>>()?,
        consumer: args.consumer.clone(),
        body: super::count::read(&args.request)?,
    })
}
