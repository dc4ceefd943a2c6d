//! Reactions of the SDKs to the errors of the gateway: number of attempts, and what the application sees.
//!
//! All SDKs repeat calls as often as they do by default, without their pauses. `docs/errors.md` has the results; the test
//! compares it with them, and writes it if `TOLLGATE_WRITE` is set.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::{Bootstrap, Envoy, Gateway, gateway};
use tollgate_mock_llm::{MockLlm, Options};
use tollgate_workspace as workspace;

use crate::callers::{CALLERS, Caller, Language};
use crate::gateway::{CLASSIFIED, CLOUD_KEY, SPENT, UNMETERED, UPSTREAMS, bootstrap, deltas, spend};
use crate::question::{Question, ask};

/// Consumers whose budget is spent until the end of the minute, or smaller than any call.
const SOON: &str = "soon";
const SMALL: &str = "small";

/// Largest request of this test.
const LARGEST: usize = 16 << 10;

/// Situation in which the gateway does not return a complete response.
struct Situation {
    name: &'static str,
    stream: bool,
    /// Status that the client gets.
    status: u16,
    /// `true` if another attempt is useless, and the status or a header says so.
    is_final: bool,
    /// `true` for the gateway with `on_block_in_stream: finish`.
    finish: bool,
    question: fn(Question) -> Question,
}

const fn whole(name: &'static str, status: u16, is_final: bool, question: fn(Question) -> Question) -> Situation {
    Situation { name, stream: false, status, is_final, finish: false, question }
}

const fn streamed(name: &'static str, finish: bool, question: fn(Question) -> Question) -> Situation {
    Situation { name, stream: true, status: 200, is_final: true, finish, question }
}

const SITUATIONS: &[Situation] = &[
    whole("blocked prompt", 400, true, |question| question.prompt(CLOUD_KEY)),
    whole("blocked response", 400, true, |question| question.prompt(deltas(&["It is ", &CLASSIFIED.concat(), "."]))),
    streamed("blocked stream, nothing sent", false, |question| question.prompt(deltas(&[&CLASSIFIED.concat(), "."]))),
    streamed("blocked stream, `error`", false, in_the_middle),
    streamed("blocked stream, `finish`", true, in_the_middle),
    whole("window ends within a minute", 429, false, |question| question.header("x-tollgate-consumer", SOON)),
    whole("window ends in days", 429, true, |question| question.header("x-tollgate-consumer", SPENT)),
    whole("larger than the budget", 429, true, |question| question.header("x-tollgate-consumer", SMALL)),
    whole("unknown model", 404, true, |question| Question { model: "unknown-99".to_owned(), ..question }),
    whole("forbidden model", 403, true, |question| question.prompt("say: PLANTED-TAG")),
    whole("request too large", 413, true, |question| question.prompt("large ".repeat(LARGEST / 6))),
    whole("unreadable response", 502, true, |question| question.knob("header", "content-encoding=unknown")),
    whole("route missing in Envoy", 503, false, |question| Question { model: "lost-1".to_owned(), ..question }),
];

fn in_the_middle(question: Question) -> Question {
    question.prompt(deltas(&["Half of ", "an answer ", "is ", &CLASSIFIED.concat(), ", you ", "know."]))
}

/// Names of the callers for readers.
const NAMES: &[(&str, &str)] = &[
    ("openai_chat", "openai"),
    ("azure_chat", "openai (Azure)"),
    ("openai_responses", "openai"),
    ("openai_completions", "openai"),
    ("anthropic_messages", "anthropic"),
    ("vertex_messages", "anthropic (Vertex)"),
    ("bedrock_messages", "anthropic (Bedrock)"),
    ("google_generate", "google-genai"),
    ("ai_openai_chat", "ai, @ai-sdk/openai"),
    ("ai_openai_responses", "ai, @ai-sdk/openai"),
    ("ai_anthropic", "ai, @ai-sdk/anthropic"),
    ("ai_google", "ai, @ai-sdk/google"),
    ("ai_bedrock", "ai, @ai-sdk/amazon-bedrock"),
    ("ai_cohere", "ai, @ai-sdk/cohere"),
    ("ai_mistral", "ai, @ai-sdk/mistral"),
    ("ai_openai_compatible", "ai, @ai-sdk/openai-compatible"),
    ("ollama_chat", "ollama"),
    ("ollama_generate", "ollama"),
    ("mistral_chat", "mistralai"),
    ("cohere_chat", "cohere"),
    ("bedrock_converse", "boto3"),
    ("bedrock_converse_profile", "boto3, ARN"),
    ("bedrock_invoke", "boto3"),
    ("bedrock_invoke_profile", "boto3, ARN"),
    ("litellm_openai", "litellm"),
    ("litellm_anthropic", "litellm"),
    ("langchain_openai_chat", "langchain-openai"),
    ("langchain_openai_responses", "langchain-openai"),
    ("langchain_anthropic_messages", "langchain-anthropic"),
    ("llama_index_openai", "llama-index"),
    ("pydantic_openai_chat", "pydantic-ai"),
    ("pydantic_openai_responses", "pydantic-ai"),
    ("pydantic_anthropic", "pydantic-ai"),
    ("openai_js_chat", "openai (Node.js)"),
    ("openai_js_responses", "openai (Node.js)"),
    ("anthropic_js", "@anthropic-ai/sdk"),
];

fn policy(mock: &MockLlm, finish: bool) -> Bootstrap {
    let mut bootstrap = bootstrap(mock);
    let policy = &mut bootstrap.plugin(workspace::BUNDLE).unwrap()["configuration"]["value"];
    let budgets = policy["budgets"].as_array_mut().unwrap();
    budgets.push(json!({"name": "soon", "for": [SOON], "unit": "requests", "limit": 1, "window": "1m"}));
    budgets.push(json!({"name": "small", "for": [SMALL], "unit": "tokens", "limit": 1, "window": "1d"}));
    policy["limits"] = json!({"max_request_bytes": LARGEST});
    policy["models"]["lost-*"] = json!({"route": "lost", "provider": "openai"});
    policy["firewall"]["rules"].as_array_mut().unwrap().push(json!({
        "id": "test.tag", "match": {"keywords": ["PLANTED-TAG"]}, "action": "tag", "tag": {"data": "planted"},
    }));
    policy["models"]["internal-1"] = json!({"route": "local", "labels": ["internal"]});
    policy["firewall"]["tag_labels"] = json!([{"tag": "data=planted", "labels": ["internal"]}]);
    if finish {
        policy["firewall"]["on_block_in_stream"] = json!("finish");
    }
    bootstrap
}

/// Spends the budget of [`SOON`] for the current minute.
fn spend_soon(gateway: &Gateway) {
    let headers = [("content-type", "application/json"), ("x-tollgate-consumer", SOON)];
    let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}"#;
    let request = Request::post("/first/v1/chat/completions", &headers, body);
    let sent = (0..50).map(|_| request.send(gateway.address(), Duration::from_secs(20)).unwrap().status);
    assert!(sent.into_iter().any(|status| status == 429), "the budget cannot be spent");
}

#[test]
fn every_sdk_reacts_to_errors_as_documented() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mock = MockLlm::start(Options::new(UPSTREAMS.map(|name| (name.to_owned(), any)).to_vec())).unwrap();
    let envoy = Envoy::find_or_install().unwrap_or_else(|error| panic!("{error}"));
    let gateways = [false, true]
        .map(|finish| Gateway::start(&envoy, policy(&mock, finish), &gateway::Options::default()).unwrap());
    spend(&gateways[0]);
    spend_soon(&gateways[0]);

    let mut cases: Vec<(&Situation, &Caller, Question)> = Vec::new();
    for caller in CALLERS {
        for situation in SITUATIONS {
            let url = gateways[usize::from(situation.finish)].url();
            let question = Question::new(caller, situation.stream, &url, cases.len()).prompt("say: hello");
            let question = (situation.question)(question.header("x-tollgate-consumer", UNMETERED));
            cases.push((situation, caller, Question { retries: true, name: situation.name.to_owned(), ..question }));
        }
    }
    let questions: Vec<Question> = cases.iter().map(|(.., question)| question.clone()).collect();
    let mut results = ask(&questions);
    // One call of every new minute is within the budget.
    let admitted: Vec<usize> = (0..cases.len())
        .filter(|at| cases[*at].0.name == "window ends within a minute" && results[*at]["error"].is_null())
        .collect();
    if !admitted.is_empty() {
        spend_soon(&gateways[0]);
        let again = |at: &usize| {
            let question = questions[*at].clone();
            Question { base: format!("{}again", question.base), ..question }
        };
        for (at, question) in admitted.iter().zip(admitted.iter().map(again)) {
            cases[*at].2 = question;
        }
        let again: Vec<Question> = admitted.iter().map(|at| cases[*at].2.clone()).collect();
        for (at, result) in admitted.iter().zip(ask(&again)) {
            results[*at] = result;
        }
    }
    let mut log: Vec<Value> = Vec::new();
    for gateway in gateways {
        let (_, text) = gateway.stop().unwrap();
        log.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }

    let mut wrong = Vec::new();
    let mut outcomes: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for ((situation, caller, question), result) in cases.iter().zip(&results) {
        let prefix = question.prefix();
        let entries = log.iter().filter(|entry| entry["path"].as_str().is_some_and(|path| path.starts_with(&prefix)));
        let statuses: Vec<&Value> = entries.map(|entry| &entry["status"]).collect();
        let seen = seen(result);
        let mut complain = |what: &str| wrong.push(format!("{}, {}: {what}: {result}", caller.call, situation.name));
        // llama-index knows the models of OpenAI, and does not send a call to another one.
        let unsent = caller.language == Language::Llama && question.model != caller.model;
        if statuses.is_empty() != unsent || statuses.iter().any(|status| **status != situation.status) {
            complain(&format!("statuses {statuses:?}"));
        }
        if seen.is_none() {
            complain("the client sees nothing of the error");
        }
        // Statuses below 429 are final for every client; of the others a header says so, which not every client reads.
        if situation.is_final && situation.status < 429 && statuses.len() > 1 {
            complain(&format!("{} attempts", statuses.len()));
        }
        if result.to_string().contains(CLASSIFIED[1]) {
            complain("it leaked");
        }
        let mut outcome = seen.unwrap_or_else(|| "nothing".to_owned());
        if unsent {
            outcome.push_str(", not sent");
        } else if statuses.len() > 1 {
            write!(outcome, ", {} attempts", statuses.len()).unwrap();
        }
        outcomes.insert((caller.call, situation.name), outcome);
    }
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
    compare(&page(&outcomes));
}

/// Returns what an application sees of an error: the class of an exception, or a finish reason.
fn seen(result: &Value) -> Option<String> {
    if let Some(class) = result.pointer("/error/type").and_then(Value::as_str) {
        return Some(match class {
            "response.failed" => "event `response.failed`".to_owned(),
            "message-end" => "`message-end` with an error".to_owned(),
            "an event" => "error part".to_owned(),
            class => format!("`{class}`"),
        });
    }
    let finish = result["finish"].as_str()?;
    // The finish reasons of a complete response would be a lie.
    let complete = ["stop", "end_turn", "COMPLETE", "STOP", "completed"].contains(&finish);
    (!complete).then(|| format!("finish `{finish}`"))
}

/// Returns the generated part of the page: a table per dialect, a column per SDK.
fn page(outcomes: &BTreeMap<(&str, &str), String>) -> String {
    let mut dialects: Vec<&str> = Vec::new();
    for caller in CALLERS {
        if !dialects.contains(&caller.dialect) {
            dialects.push(caller.dialect);
        }
    }
    let mut page = String::new();
    for dialect in dialects {
        let callers: Vec<&Caller> = CALLERS.iter().filter(|caller| caller.dialect == dialect).collect();
        write!(page, "\n### `{dialect}`\n\n| Situation | Status |").unwrap();
        for caller in &callers {
            let name =
                NAMES.iter().find(|(call, _)| *call == caller.call).unwrap_or_else(|| panic!("{}", caller.call)).1;
            write!(page, " {name} |").unwrap();
        }
        writeln!(page, "\n|---|---|{}", "---|".repeat(callers.len())).unwrap();
        for situation in SITUATIONS {
            write!(page, "| {} | {} |", situation.name, situation.status).unwrap();
            for caller in &callers {
                write!(page, " {} |", outcomes[&(caller.call, situation.name)]).unwrap();
            }
            page.push('\n');
        }
    }
    page.push('\n');
    page
}

const BEGIN: &str = "<!-- Generated: `TOLLGATE_WRITE=1 cargo test -p tollgate-sdk-tests situations`. -->\n";
const END: &str = "<!-- End of the generated part. -->\n";

/// Compares the generated part of `docs/errors.md`, or writes it.
fn compare(part: &str) {
    let path = workspace::root().join("docs/errors.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).expect("the begin of the generated part");
    let (old, tail) = rest.split_once(END).expect("the end of the generated part");
    if std::env::var_os("TOLLGATE_WRITE").is_some() {
        std::fs::write(&path, [head, BEGIN, part, END, tail].concat()).unwrap();
        return;
    }
    let differences: Vec<String> = old
        .lines()
        .zip(part.lines())
        .filter(|(old, new)| old != new)
        .map(|(old, new)| format!("- {old}\n+ {new}"))
        .collect();
    assert!(old == part, "docs/errors.md is stale (set TOLLGATE_WRITE=1 to write it):\n{}", differences.join("\n"));
}
