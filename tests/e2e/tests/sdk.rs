//! A widely used client library through Envoy: how it reads responses and refusals.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{CreateChatCompletionRequest, CreateChatCompletionResponse};
use futures_util::StreamExt as _;
use serde_json::json;

use crate::findings::Findings;
use crate::planted;
use crate::run::Run;

/// Runs all checks.
pub async fn all(run: &mut Run) {
    let url = run.gateway.url();
    let findings = &mut run.findings;
    let ordinary = client(&url, "unmetered", &[]);
    chat(&ordinary, findings).await;
    streamed(&ordinary, findings).await;
    tools(&url, findings).await;
    refused(&url, findings).await;
}

fn client(url: &str, consumer: &str, knobs: &[(&'static str, &str)]) -> Client<OpenAIConfig> {
    let mut config = OpenAIConfig::new()
        .with_api_base(format!("{url}/v1"))
        .with_api_key(planted::KEY)
        .with_header("x-tollgate-consumer", consumer)
        .unwrap();
    for (name, value) in knobs {
        config = config.with_header(*name, *value).unwrap();
    }
    // Without the proxies of the environment: the gateway is on this machine.
    Client::with_config(config).with_http_client(reqwest::Client::builder().no_proxy().build().unwrap())
}

fn request(prompt: &str) -> CreateChatCompletionRequest {
    let messages = json!([{"role": "user", "content": prompt}]);
    serde_json::from_value(json!({"model": "gpt-4o", "messages": messages})).unwrap()
}

fn text_of(response: &CreateChatCompletionResponse) -> String {
    response.choices[0].message.content.clone().unwrap_or_default()
}

async fn chat(client: &Client<OpenAIConfig>, findings: &mut Findings) {
    findings.about("async-openai / chat");
    match client.chat().create(request(&format!("say: Write to {}.", planted::EMAIL))).await {
        Ok(response) => {
            findings.same("the text", text_of(&response).as_str(), "Write to [email].");
            let usage = response.usage.unwrap_or_default();
            findings.holds(usage.prompt_tokens > 0 && usage.completion_tokens > 0, "no usage");
        }
        Err(error) => findings.add(error),
    }
}

async fn streamed(client: &Client<OpenAIConfig>, findings: &mut Findings) {
    for usage in [false, true] {
        findings.about(format_args!("async-openai / streamed chat, usage asked: {usage}"));
        let deltas = serde_json::to_string(&["Write to pla", "nted.person@mail.exam", "ple.com, please."]).unwrap();
        let mut request = request(&format!("deltas: {deltas}"));
        if usage {
            request.stream_options = serde_json::from_value(json!({"include_usage": true})).unwrap();
        }
        let mut stream = match client.chat().create_stream(request).await {
            Ok(stream) => stream,
            Err(error) => return findings.add(error),
        };
        let (mut text, mut usages) = (String::new(), 0);
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => {
                    usages += usize::from(chunk.usage.is_some());
                    for choice in chunk.choices {
                        text.push_str(choice.delta.content.as_deref().unwrap_or_default());
                    }
                }
                Err(error) => return findings.add(error),
            }
        }
        findings.same("the text", text.as_str(), "Write to [email], please.");
        findings.same("usages seen", usages, usize::from(usage));
    }
}

async fn tools(url: &str, findings: &mut Findings) {
    findings.about("async-openai / tool calls");
    let arguments = r#"{"city":"Paris"}"#;
    let client = client(url, "unmetered", &[("x-mock-tool-call", &format!("get_weather={arguments}"))]);
    let mut request = request("What is the weather?");
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]);
    request.tools = serde_json::from_value(tools).unwrap();
    match client.chat().create(request.clone()).await {
        Ok(response) => {
            let calls = serde_json::to_value(&response.choices[0].message.tool_calls).unwrap();
            findings.same("the name", calls[0]["function"]["name"].as_str(), Some("get_weather"));
            findings.same("the arguments", calls[0]["function"]["arguments"].as_str(), Some(arguments));
        }
        Err(error) => findings.add(error),
    }
    let mut stream = match client.chat().create_stream(request).await {
        Ok(stream) => stream,
        Err(error) => return findings.add(error),
    };
    let (mut name, mut received) = (String::new(), String::new());
    while let Some(chunk) = stream.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return findings.add(error),
        };
        let calls = chunk.choices.into_iter().flat_map(|choice| choice.delta.tool_calls.unwrap_or_default());
        for function in calls.filter_map(|call| call.function) {
            name.push_str(function.name.as_deref().unwrap_or_default());
            received.push_str(function.arguments.as_deref().unwrap_or_default());
        }
    }
    findings.same("the name, streamed", name.as_str(), "get_weather");
    findings.same("the arguments, streamed", received.as_str(), arguments);
}

/// Checks that the library's own error type has the status and the members of the error object.
async fn refused(url: &str, findings: &mut Findings) {
    let blocked = format!("Deploy with {}", planted::CLOUD_KEY);
    let invalid = "invalid_request_error";
    let rows = [
        ("no room", "spent", "hello", "gpt-4o", (429, "requests", "rate_limit_exceeded")),
        ("no money", "penniless", "hello", "gpt-4o", (429, "insufficient_quota", "insufficient_quota")),
        ("a cloud key", "unmetered", blocked.as_str(), "gpt-4o", (400, invalid, "content_policy_violation")),
        ("an unknown model", "unmetered", "hello", "gpt-99", (404, invalid, "model_not_found")),
    ];
    for (name, consumer, prompt, model, want) in rows {
        let client = client(url, consumer, &[]);
        let request = CreateChatCompletionRequest { model: model.to_owned(), ..request(prompt) };
        for streamed in [false, true] {
            findings.about(format_args!("async-openai / {name}, streamed: {streamed}"));
            let result = if streamed {
                match client.chat().create_stream(request.clone()).await {
                    Err(error) => Err(error),
                    Ok(mut stream) => match stream.next().await {
                        Some(Err(error)) => Err(error),
                        other => Ok(format!("{other:?}")),
                    },
                }
            } else {
                client.chat().create(request.clone()).await.map(|response| text_of(&response))
            };
            match result {
                Err(OpenAIError::ApiError(error)) => {
                    let of = error.api_error;
                    let got = (error.status_code.as_u16(), of.r#type.unwrap_or_default(), of.code.unwrap_or_default());
                    findings.same("the error", got, (want.0, want.1.to_owned(), want.2.to_owned()));
                }
                Err(other) => findings.add(format_args!("another error: {other:?}")),
                Ok(text) => findings.add(format_args!("no error, but {text:?}")),
            }
        }
    }
}
