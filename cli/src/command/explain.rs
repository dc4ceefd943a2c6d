//! `tollgate explain`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use crate::args::ExplainArgs;
use crate::explain::{Call, explain, render};
use crate::policy_file;
use crate::problem::Problem;

pub(super) fn run(args: &ExplainArgs) -> ExitCode {
    match text(args) {
        Ok(text) => super::print(text.as_bytes()),
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            ExitCode::from(2)
        }
    }
}

fn text(args: &ExplainArgs) -> Result<String, Vec<String>> {
    let fail = |problem: Problem| vec![format!("error: {problem}")];
    let document = policy_file::load(&args.policy, &mut BTreeSet::new()).map_err(fail)?;
    let policy =
        document.compile().map_err(|found| found.iter().map(|located| document.show(located)).collect::<Vec<_>>())?;
    let body = super::count::read(&args.request).map_err(fail)?;
    let headers = args.headers.iter().map(|header| {
        let split =
            header.split_once(':').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        split.ok_or_else(|| fail(Problem::new(format!("header `{header}` is not `name:value`"))))
    });
    let headers = headers.collect::<Result<Vec<_>, _>>()?;
    let call = Call::new(&policy, &args.path, headers, args.consumer.clone(), body).map_err(fail)?;
    let stages = explain(&document, &policy, &call);
    Ok(if args.json { format!("{:#}\n", serde_json::json!({ "stages": stages })) } else { render(&stages) })
}
