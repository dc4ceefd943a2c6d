//! Tests of the client scripts in examples/clients.

use std::path::Path;
use std::process::{Command, Output};

use crate::client::{address, mock};

fn script(name: &str, arguments: &[&str]) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/clients").join(name);
    let program = if name.ends_with(".py") { "python3" } else { "sh" };
    Command::new(program).arg(path).args(arguments).output().unwrap()
}

#[test]
fn the_python_client_prints_responses_and_errors() {
    let mock = mock();
    let gateway = format!("http://{}/", address(&mock));
    for (arguments, code, out, err) in [
        (&[&*gateway, "say: Good \"day\", and\n\nbye."][..], 0, "Good \"day\", and\n\nbye.\n", ""),
        (&[&*gateway, "--no-stream", "say: naïve"], 0, "naïve\n", "(10 tokens in, 2 out)\n"),
        (&[&*gateway, "--no-stream", "--model", "m", "deltas: [\"a\", \"b\"]"], 0, "ab\n", "(12 tokens in, 1 out)\n"),
        (&["http://127.0.0.1:1", "x"], 1, "", "http://127.0.0.1:1: <urlopen error"),
        (&["only one"], 2, "", "usage: "),
    ] {
        let output = script("chat.py", arguments);
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!((output.status.code(), &*stdout), (Some(code), out), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with(err), "{arguments:?}: {stderr}");
    }
    let first = mock.received().remove(0);
    assert_eq!(first.header("x-tollgate-consumer"), Some(&b"alice"[..]));
}

#[test]
fn the_python_client_reports_errors_and_aborted_streams() {
    for (knob, value, expected) in [
        ("status", "429", "429 rate_limit_exceeded: Rate limit reached. Please try again later. (try again in 1 s)\n"),
        ("cut", "error", "\nthe answer broke off: The server had an error"),
        ("cut", "clean", "\nthe answer broke off\n"),
    ] {
        let mut options = tollgate_mock_llm::Options::new(vec![("a".to_owned(), "127.0.0.1:0".parse().unwrap())]);
        options.knobs.set(knob, value.as_bytes()).unwrap();
        options.knobs.set("cut-after", b"3").unwrap();
        let mock = tollgate_mock_llm::MockLlm::start(options).unwrap();
        let output = script("chat.py", &[&format!("http://{}", address(&mock)), "say: a b c d"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with(expected), "{stderr}");
    }
}

#[test]
fn the_curl_client_sends_any_prompt_as_json() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: curl is not installed");
        return;
    }
    let mock = mock();
    let prompt = "a \"quoted\" \\ back\tslash\nand ümlauts";
    let output = script("chat.sh", &[&format!("http://{}", address(&mock)), prompt, "fast", "bob"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && stdout.ends_with("data: [DONE]\n\n"), "{stdout}");
    let received = mock.received().remove(0);
    let body: serde_json::Value = serde_json::from_str(received.body_text()).unwrap();
    assert_eq!((&body["messages"][0]["content"], &body["model"]), (&prompt.into(), &"fast".into()));
    assert_eq!(received.header("x-tollgate-consumer"), Some(&b"bob"[..]));
    assert_eq!(script("chat.sh", &["http://127.0.0.1:1"]).status.code(), Some(2));
}
