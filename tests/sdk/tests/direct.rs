//! The SDKs directly against the mock: its responses are those of the providers.

use serde_json::Value;
use tollgate_mock_llm::{MockLlm, Options};

use crate::callers::{CALLERS, Caller, OTHERS, Other, USAGE};
use crate::findings::{Check, Findings};
use crate::question::{Question, ask};

/// Callers whose streams begin with text at once, so that there is less to cut.
const NO_PRELUDE: [&str; 5] = ["openai_completions", "google_generate", "ai_google", "ollama_chat", "ollama_generate"];

const TEXT: &str = "Good day, \"naïve\" 🙂 world.\nAnd bye.";
const ARGUMENTS: &str = r#"{"city":"Paris, \"9e\""}"#;

#[test]
fn every_sdk_reads_the_responses_of_the_mock() {
    let mock = MockLlm::start(Options::new(vec![("all".to_owned(), "127.0.0.1:0".parse().unwrap())])).unwrap();
    let url = format!("http://{}", mock.addresses()[0].1);
    let mut cases: Vec<(Question, Check)> = Vec::new();
    for caller in CALLERS {
        for stream in [false, true] {
            for (name, question, check) in questions(caller, &Question::new(caller, stream, &url, 0)) {
                let question = Question { base: format!("{url}/q{}", cases.len()), name: name.to_owned(), ..question };
                cases.push((question, check));
            }
        }
    }
    for other in OTHERS {
        let question = Question::other(other, &url, cases.len()).prompt("say: is it violence?");
        cases.push((question, something_else(other)));
    }
    let questions: Vec<Question> = cases.iter().map(|(question, _)| question.clone()).collect();
    let mut findings = Findings::default();
    for ((question, check), result) in cases.iter().zip(ask(&questions)) {
        check(&mut findings, question, &result);
    }
    findings.settle();
    // Every call arrived exactly once: no SDK has retried.
    let received = mock.received();
    for question in &questions {
        let count = received.iter().filter(|received| received.path.starts_with(&question.prefix())).count();
        assert_eq!(count, 1, "{question:?}");
    }
}

fn questions(caller: &Caller, question: &Question) -> Vec<(&'static str, Question, Check)> {
    let Caller { finish, thinks, shows_headers, usage: [input, output, cached, reasoning], errors, broken, .. } =
        caller.clone();
    let error_named = move |kind: &'static str| -> Check {
        Box::new(move |findings, question, result| {
            findings.same(question, result, "/error/type", kind);
            let text = result["text"].as_str().unwrap_or_default();
            findings.holds(
                question,
                !text.is_empty() && "one two three four".starts_with(text),
                "it lost the text before",
            );
        })
    };
    let refused = move |status: u16, kind: &'static str| -> Check {
        let error_kind = if status == 429 { errors[2] } else { "" };
        Box::new(move |findings, question, result| {
            findings.same(question, result, "/error/type", kind);
            findings.same(question, result, "/error/own", true);
            findings.same(question, result, "/error/status", status);
            if !error_kind.is_empty() {
                findings.same(question, result, "/error/kind", error_kind);
            }
            if status == 429 && shows_headers {
                findings.same(question, result, "/error/retry_after", "7");
            }
        })
    };
    let ask = |prompt: &str| question.clone().prompt(prompt);
    let mut all: Vec<(&'static str, Question, Check)> = vec![
        (
            "a text",
            ask(&format!("say: {TEXT}")).knob("usage", USAGE).knob("thinking", "Let%20me%20see."),
            Box::new(move |findings, question, result| {
                findings.same(question, result, "/error", Value::Null);
                findings.same(question, result, "/text", TEXT);
                findings.same(question, result, "/finish", finish[0]);
                for (name, count) in
                    [("input", input), ("output", output), ("cached", cached), ("reasoning", reasoning)]
                {
                    let has = result["usage"].get(name).and_then(Value::as_u64).unwrap_or(0);
                    findings.holds(question, has == count, format_args!("{name} is {has}, should be {count}"));
                }
                if thinks {
                    findings.same(question, result, "/thought", "Let me see.");
                }
            }),
        ),
        ("no room", ask("hello").knob("status", "429").knob("retry-after", "7"), refused(429, errors[0])),
        ("a bad request", ask("hello").knob("status", "400"), refused(400, errors[1])),
    ];
    if !finish[1].is_empty() {
        all.push((
            "a tool",
            ask("What is the weather?").tools().knob("tool-call", &format!("get_weather={ARGUMENTS}")),
            Box::new(move |findings, question, result| {
                findings.same(question, result, "/error", Value::Null);
                findings.same(question, result, "/tools/0/0", "get_weather");
                let arguments = result.pointer("/tools/0/1").and_then(Value::as_str).unwrap_or_default();
                let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
                findings.same(question, &arguments, "/city", "Paris, \"9e\"");
                findings.same(question, result, "/finish", finish[1]);
            }),
        ));
    }
    if question.stream {
        // Late enough that every dialect has sent some text.
        let cut = |how: &str| {
            ask("deltas: [\"one \", \"two \", \"three \", \"four\"]").knob("cut-after", "6").knob("cut", how)
        };
        let mut short = cut("reset");
        if NO_PRELUDE.contains(&caller.call) {
            short = short.knob("cut-after", "3");
        }
        let error = Question { headers: short.headers.clone(), ..short.clone() }.knob("cut", "error");
        all.push(("a stream that breaks off", short, error_named(broken[0])));
        if !broken[1].is_empty() {
            all.push(("a server that fails", error, error_named(broken[1])));
        }
    }
    all
}

fn something_else(other: &Other) -> Check {
    let expected = other.expected();
    Box::new(move |findings, question, result| {
        findings.same(question, result, "/error", Value::Null);
        for (pointer, value) in &expected {
            findings.same(question, result, pointer, value.clone());
        }
    })
}
