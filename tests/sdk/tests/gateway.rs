//! The SDKs through a real Envoy with the reference bootstrap. No SDK notices the gateway unless it refuses a call, and then
//! each SDK raises its own error. The access log has the same record for all of them.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::{Bootstrap, Envoy, Gateway, gateway};
use tollgate_mock_llm::{MockLlm, Options};
use tollgate_workspace as workspace;

use crate::callers::{APPLICATION_PROFILE, CALLERS, Caller, OTHERS, Other, USAGE};
use crate::findings::{Check, Findings};
use crate::question::{Question, ask};

/// Clusters of the reference; the mock plays all of them.
pub const UPSTREAMS: [&str; 4] = ["openai", "local", "anthropic", "gemini"];

/// Consumers without a budget and with a spent one.
pub const UNMETERED: &str = "unmetered";
pub const SPENT: &str = "spent";

/// Matches of the reference's rules that block prompts and redact responses, and of a rule of ours that blocks responses.
pub const CLOUD_KEY: &str = "AKIAPLANTED0123456Z9";
const EMAIL: [&str; 2] = ["planted.person@mail.exam", "ple.com"];
pub const CLASSIFIED: [&str; 2] = ["PLANTED-CLASS", "IFIED-5501"];

/// Known failures: function, `true` if streamed, name. A row that works again fails the test, too.
const NOT_YET: &[(&str, bool, &str)] = &[
    // Held arguments leave in an event of their own, without the name that this SDK requires in each.
    ("mistral_chat", true, "a tool"),
];

/// Expected result and access log entry.
struct Want {
    result: Check,
    record: Vec<(&'static str, Field)>,
    /// `true` if the call reaches an upstream.
    reaches: bool,
}

/// Expected value of an access log field.
enum Field {
    Is(Value),
    /// A number above 0.
    Positive,
    OneOf(&'static [&'static str]),
}

impl Field {
    fn fits(&self, value: &Value) -> bool {
        match self {
            Field::Is(want) => want == value,
            Field::Positive => value.as_str().and_then(|text| text.parse::<u64>().ok()).is_some_and(|n| n > 0),
            Field::OneOf(texts) => value.as_str().is_some_and(|text| texts.contains(&text)),
        }
    }
}

fn text(value: impl ToString) -> Field {
    Field::Is(json!(value.to_string()))
}

/// Field that is absent if it is zero.
fn unless_zero(value: u64) -> Field {
    if value == 0 { Field::Is(Value::Null) } else { text(value) }
}

#[test]
fn every_sdk_through_envoy() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mock = MockLlm::start(Options::new(UPSTREAMS.map(|name| (name.to_owned(), any)).to_vec())).unwrap();
    let envoy = Envoy::find_or_install().unwrap_or_else(|error| panic!("{error}"));
    let gateway = Gateway::start(&envoy, bootstrap(&mock), &gateway::Options::default()).unwrap();
    let url = gateway.url();
    spend(&gateway);

    let mut cases: Vec<(Question, Want)> = Vec::new();
    for caller in CALLERS {
        for stream in [false, true] {
            let plain = Question::new(caller, stream, &url, 0).header("x-tollgate-consumer", UNMETERED);
            for (name, question, want) in questions(caller, &plain) {
                let question = Question { base: format!("{url}/q{}", cases.len()), name: name.to_owned(), ..question };
                cases.push((question, want));
            }
        }
    }
    for other in OTHERS {
        let question = Question::other(other, &url, cases.len()).header("x-tollgate-consumer", UNMETERED);
        cases.push((question.prompt("say: is it violence?"), something_else(other)));
    }

    let questions: Vec<Question> = cases.iter().map(|(question, _)| question.clone()).collect();
    let results = ask(&questions);
    let received = mock.received();
    let mut all = Findings::default();
    for ((question, want), result) in cases.iter().zip(&results) {
        let mut findings = Findings::default();
        (want.result)(&mut findings, question, result);
        let entry = gateway
            .access_log_find(|entry| entry["path"].as_str().is_some_and(|path| path.starts_with(&question.prefix())));
        match entry {
            Err(error) => findings.add(question, format_args!("not in the access log: {error}")),
            Ok(entry) => {
                for (name, field) in &want.record {
                    let fits = field.fits(&entry[name]);
                    findings.holds(question, fits, format_args!("the log's {name} is {}", entry[name]));
                }
            }
        }
        let count = received.iter().filter(|received| received.path.starts_with(&question.prefix())).count();
        let wanted = usize::from(want.reaches);
        findings.holds(question, count == wanted, format_args!("{count} requests reached an upstream, not {wanted}"));
        let known = NOT_YET.contains(&(question.call, question.stream, question.name.as_str()));
        match (known, findings.is_empty()) {
            (false, _) => all.extend(findings),
            (true, true) => all.add(question, "it works: remove it from the list of known failures"),
            (true, false) => {}
        }
    }
    let log = gateway.log().unwrap();
    for secret in [CLOUD_KEY, CLASSIFIED[1], EMAIL[0]] {
        assert!(!log.contains(secret) && !gateway.access_log_text().unwrap().contains(secret), "a secret in a log");
    }
    all.settle();
}

/// Returns the reference bootstrap with additional consumers, a rule and models.
pub fn bootstrap(mock: &MockLlm) -> Bootstrap {
    let module = workspace::module(workspace::BUNDLE).unwrap_or_else(|error| panic!("{error}"));
    let mut bootstrap = workspace::reference_bootstrap().unwrap().module(&module).unwrap();
    for upstream in UPSTREAMS {
        bootstrap = bootstrap.upstream(upstream, mock.address(upstream).unwrap()).unwrap();
    }
    let policy = &mut bootstrap.plugin(workspace::BUNDLE).unwrap()["configuration"]["value"];
    policy["firewall"]["rules"].as_array_mut().unwrap().push(json!({
        "id": "test.classified", "match": {"regex": "PLANTED-CLASSIFIED-[0-9]{4}"},
        "applies_to": ["response"], "action": "block",
    }));
    policy["quota"]["exempt"] = json!([UNMETERED]);
    policy["budgets"].as_array_mut().unwrap().push(json!({
        "name": "test", "for": [SPENT], "unit": "requests", "limit": 1, "window": "366d",
    }));
    policy["models"]["anthropic.*"] = json!({"route": "anthropic", "provider": "bedrock"});
    policy["models"][APPLICATION_PROFILE] = json!({"route": "anthropic", "provider": "bedrock"});
    policy["models"]["mistral-*"] = json!({"route": "openai", "provider": "mistral"});
    policy["models"]["command-*"] = json!({"route": "openai", "provider": "cohere"});
    for model in ["omni-moderation-latest", "whisper-1", "tts-1", "gpt-image-1", "rerank-v3.5", "embed-v4.0"] {
        policy["models"][model] = json!({"route": "openai", "provider": "openai"});
    }
    bootstrap
}

const SPENDING_PATH: &str = "/first/v1/chat/completions";

/// Makes the one request that the consumer [`SPENT`] may make.
pub fn spend(gateway: &Gateway) {
    let headers = [("content-type", "application/json"), ("x-tollgate-consumer", SPENT)];
    let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}"#;
    let request = Request::post(SPENDING_PATH, &headers, body);
    let mut response = request.send(gateway.address(), Duration::from_secs(20)).unwrap();
    assert_eq!(response.status, 200);
    // The call is settled once it is logged, before the first refusal is expected.
    response.text().unwrap();
    gateway.access_log_find(|entry| entry["path"] == SPENDING_PATH).unwrap();
}

/// Returns a prompt that the mock answers with these deltas.
pub fn deltas(deltas: &[&str]) -> String {
    format!("deltas: {}", json!(deltas))
}

fn questions(caller: &Caller, question: &Question) -> Vec<(&'static str, Question, Want)> {
    let Caller { dialect, model, errors, shows_headers, broken, finish, .. } = caller.clone();
    let [input, output, cached, reasoning] = caller.logged;
    let stream = question.stream;
    let ask = |prompt: &str| question.clone().prompt(prompt);
    // Record of every call that the filters read.
    let record = |more: Vec<(&'static str, Field)>| {
        let mut record = vec![
            ("dialect", text(dialect)),
            ("model", text(model)),
            ("consumer", text(UNMETERED)),
            ("stream", text(stream)),
        ];
        record.extend(more);
        record
    };
    let refused = move |status: u16, kind: &'static str| -> Check {
        Box::new(move |findings, question, result| {
            findings.same(question, result, "/error/type", kind);
            findings.same(question, result, "/error/own", true);
            findings.same(question, result, "/error/status", status);
            if status == 429 && shows_headers {
                let wait = result.pointer("/error/retry_after").and_then(Value::as_str);
                let wait = wait.and_then(|wait| wait.parse::<u64>().ok());
                findings.holds(question, wait.is_some_and(|wait| wait > 0), format_args!("no retry-after: {result}"));
            }
        })
    };
    let says = |text: &'static str| -> Check {
        Box::new(move |findings, question, result| {
            findings.same(question, result, "/error", Value::Null);
            findings.same(question, result, "/text", text);
        })
    };
    let mut all = vec![
        (
            "a text",
            ask("say: Good day, \"naïve\" 🙂 world.").knob("usage", USAGE),
            Want {
                result: {
                    let usage = caller.usage;
                    Box::new(move |findings, question, result| {
                        says("Good day, \"naïve\" 🙂 world.")(findings, question, result);
                        findings.same(question, result, "/finish", finish[0]);
                        for (name, count) in ["input", "output", "cached", "reasoning"].into_iter().zip(usage) {
                            let has = result["usage"].get(name).and_then(Value::as_u64).unwrap_or(0);
                            findings.holds(question, has == count, format_args!("{name} is {has}, should be {count}"));
                        }
                    })
                },
                record: record(vec![
                    ("status", Field::Is(json!(200))),
                    ("input_tokens", text(input)),
                    ("output_tokens", text(output)),
                    ("cached_tokens", unless_zero(cached)),
                    ("reasoning_tokens", unless_zero(reasoning)),
                    ("total_tokens", text(input + output)),
                    ("usage_source", text("provider")),
                    ("verdict", text("allow")),
                ]),
                reaches: true,
            },
        ),
        (
            "no room at the provider",
            ask("hello").knob("status", "429").knob("retry-after", "7"),
            Want {
                result: refused(429, errors[0]),
                record: record(vec![("status", Field::Is(json!(429))), ("cost_nano_usd", text(0))]),
                reaches: true,
            },
        ),
        (
            "a cloud key",
            ask(&format!("Deploy with {CLOUD_KEY}, please.")),
            Want {
                result: refused(400, errors[1]),
                // The filters after the one that refuses have not seen the call.
                record: vec![
                    ("status", Field::Is(json!(400))),
                    ("dialect", text(dialect)),
                    ("verdict", text("block")),
                    ("rules", text("secret.aws-access-key")),
                    ("cost_nano_usd", text(0)),
                ],
                reaches: false,
            },
        ),
        (
            "no budget",
            ask("hello").header("x-tollgate-consumer", SPENT),
            Want {
                result: refused(429, errors[0]),
                record: vec![
                    ("status", Field::Is(json!(429))),
                    ("dialect", text(dialect)),
                    ("consumer", text(SPENT)),
                    ("cost_nano_usd", text(0)),
                ],
                reaches: false,
            },
        ),
        (
            "an address in the response",
            ask(&deltas(&["Write to ", EMAIL[0], EMAIL[1], ", please."])),
            Want {
                result: says("Write to [email], please."),
                record: record(vec![
                    ("status", Field::Is(json!(200))),
                    ("verdict", text("redact")),
                    ("rules", text("pii.email")),
                ]),
                reaches: true,
            },
        ),
        (
            "a secret in the response",
            ask(&deltas(&["It is ", CLASSIFIED[0], CLASSIFIED[1], ", you ", "know."])),
            Want {
                result: {
                    // SDKs that distinguish the two do not raise a refusal of the gateway as a failure of the server.
                    let kind = match (broken[1], dialect) {
                        ("ServerError", _) => "ClientError",
                        // The gateway's event has the error as a member of its own.
                        ("response.failed" | "ValueError", "openai.responses") => "APIError",
                        ("ModelServerError", "anthropic.messages") => "ModelRequestRejectedError",
                        ("ModelServerError", _) => "ModelAPIError",
                        (kind, _) => kind,
                    };
                    Box::new(move |findings, question, result| {
                        let raised = result.pointer("/error/type").is_some();
                        findings.holds(question, raised, format_args!("no error: {result}"));
                        if question.stream && !kind.is_empty() {
                            findings.same(question, result, "/error/type", kind);
                        }
                        if !question.stream {
                            findings.same(question, result, "/error/own", true);
                        }
                        let leaked = result.to_string().contains(CLASSIFIED[1]);
                        findings.holds(question, !leaked, format_args!("it leaked: {result}"));
                    })
                },
                record: record(vec![
                    ("verdict", text("block")),
                    ("rules", text("test.classified")),
                    ("output_tokens", Field::Positive),
                ]),
                reaches: true,
            },
        ),
    ];
    if !finish[1].is_empty() {
        all.push((
            "a tool",
            ask("What is the weather?").tools().knob("tool-call", r#"get_weather={"city":"Paris"}"#),
            Want {
                result: Box::new(move |findings, question, result| {
                    findings.same(question, result, "/error", Value::Null);
                    findings.same(question, result, "/tools/0/0", "get_weather");
                    let arguments = result.pointer("/tools/0/1").and_then(Value::as_str).unwrap_or_default();
                    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
                    findings.same(question, &arguments, "/city", "Paris");
                    findings.same(question, result, "/finish", finish[1]);
                }),
                record: record(vec![("status", Field::Is(json!(200))), ("usage_source", text("provider"))]),
                reaches: true,
            },
        ));
    }
    if stream {
        all.push((
            "a stream that breaks off",
            ask(&deltas(&["one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight"]))
                .knob("cut-after", "8"),
            Want {
                result: Box::new(|findings, question, result| {
                    let raised = result.pointer("/error/type").is_some();
                    findings.holds(question, raised, format_args!("no error: {result}"));
                    let text = result["text"].as_str().unwrap_or_default();
                    let begun = !text.is_empty() && "one two three four five six seven eight".starts_with(text);
                    findings.holds(question, begun, format_args!("it lost the text before: {result}"));
                }),
                record: record(vec![
                    ("input_tokens", Field::Positive),
                    ("output_tokens", Field::Positive),
                    // Dialects that report usage in every event have reported it.
                    ("usage_source", Field::OneOf(&["counted", "mixed", "provider"])),
                ]),
                reaches: true,
            },
        ));
    }
    all
}

fn something_else(other: &Other) -> Want {
    let expected = other.expected();
    Want {
        result: Box::new(move |findings, question, result| {
            findings.same(question, result, "/error", Value::Null);
            for (pointer, value) in &expected {
                findings.same(question, result, pointer, value.clone());
            }
        }),
        record: vec![("status", Field::Is(json!(200))), ("dialect", text(other.dialect)), ("model", text(other.model))],
        reaches: true,
    }
}
