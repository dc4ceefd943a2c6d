//! Runs `tollgate count` and `tollgate tokenizer` as users do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollgate_envoy_harness::scratch::Scratch;

/// Runs `tollgate` in a folder with the given standard input. Returns its exit code, standard output and standard
/// error.
fn tollgate(folder: &Path, args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(args).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The command may exit without reading its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const CHAT: &str = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "hello world"}]}"#;
const MESSAGES: &str =
    r#"{"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": [{"role": "user", "content": "hello world"}]}"#;

#[test]
fn texts_files_and_chats_are_counted() {
    let scratch = Scratch::new("tollgate-count").unwrap();
    for (name, text) in [("a.txt", "hello world"), ("b.txt", "")] {
        std::fs::write(scratch.path().join(name), text).unwrap();
    }
    for (args, input, out) in [
        (&["count"][..], "hello world", "2\n"),
        (&["count", "-"], "<|endoftext|>", "7\n"),
        (&["count", "a.txt"], "", "2\n"),
        (&["count", "a.txt", "b.txt"], "", "2\ta.txt\n0\tb.txt\n"),
        (&["count", "--encoding", "cl100k_base"], "你好，世界", "6\n"),
        (&["count", "--model", "gpt-4o"], "你好，世界", "3\n"),
        (
            &["count", "--jsonl"],
            "{\"text\": \"hello world\"}\n\n{\"text\": \"\\n\"}\n",
            "{\"tokens\": 2}\n{\"tokens\": 1}\n",
        ),
        (&["count", "--chat"], CHAT, "9\n"),
    ] {
        assert_eq!(tollgate(scratch.path(), args, input), (Some(0), out.into(), String::new()), "{args:?}");
    }
}

#[test]
fn counts_are_printed_as_json() {
    let scratch = Scratch::new("tollgate-count").unwrap();
    let json = |args: &[&str], input: &str| -> serde_json::Value {
        let (code, out, errors) = tollgate(scratch.path(), args, input);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{args:?}");
        serde_json::from_str(&out).unwrap()
    };
    let text = json(&["count", "--json"], "hello world");
    assert_eq!(text, serde_json::json!({"tokens": 2, "exact": true, "encoding": "o200k_base"}));
    let chat = json(&["count", "--chat", "--json"], CHAT);
    assert_eq!(chat["parts"]["text"], 2);
    assert_eq!((&chat["tokens"], &chat["exact"], &chat["dialect"]), (&9.into(), &true.into(), &"openai.chat".into()));
    let messages = json(&["count", "--chat", "--path", "/v1/messages", "--json"], MESSAGES);
    assert_eq!((&messages["exact"], &messages["parts"]["text"]), (&false.into(), &2.into()));
}

#[test]
fn errors_do_not_quote_the_input() {
    let scratch = Scratch::new("tollgate-count").unwrap();
    for (args, input, word) in [
        (&["count", "--encoding", "o20k_base"][..], "", "did you mean `o200k_base`"),
        (&["count", "missing.txt"], "", "missing.txt: cannot read"),
        (&["count", "--chat"], "{\"model\": secret}", "-: "),
        (&["count", "--chat", "--path", "/secret/none"], "{}", "unknown API path"),
        (&["count", "--jsonl"], "{\"text\": \"secret\"", "-:1:"),
        (&["tokenizer", "compile", "a.tiktoken"], "", "a.tiktoken: cannot read"),
    ] {
        let (code, out, errors) = tollgate(scratch.path(), args, input);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {errors}");
        assert!(errors.contains(word), "{args:?}: {errors}");
        assert!(!input.contains("secret") || !errors.contains("secret"), "{args:?}: {errors}");
    }
}

#[test]
fn a_tokenizer_is_compiled_and_used() {
    let scratch = Scratch::new("tollgate-count").unwrap();
    let mut file: String = (0..=255_u8).map(|byte| format!("{} {byte}\n", STANDARD.encode([byte]))).collect();
    file += &format!("{} 256\n", STANDARD.encode("he"));
    std::fs::write(scratch.path().join("small.tiktoken"), file).unwrap();
    let (code, _, errors) = tollgate(scratch.path(), &["tokenizer", "compile", "small.tiktoken"], "");
    assert_eq!(code, Some(2));
    assert!(errors.contains("--splitting"), "{errors}");
    let compile = ["tokenizer", "compile", "small.tiktoken", "--splitting", "llama3"];
    assert_eq!(tollgate(scratch.path(), &compile, ""), (Some(0), "small.tollgate\n".into(), String::new()));
    let counted = tollgate(scratch.path(), &["count", "--tokenizer", "small.tollgate"], "hello");
    assert_eq!(counted, (Some(0), "4\n".into(), String::new()));
    let refused = tollgate(scratch.path(), &["count", "--tokenizer", "small.tiktoken"], "hello");
    assert_eq!(refused.0, Some(2), "{refused:?}");
}

/// A configuration written by the command is accepted by the filters.
#[test]
fn a_table_is_written_for_configurations() {
    use tollgate_tokens::{Catalog, RawAliases, RawTokenizer, Tokenizer};

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        tokenizers: Vec<RawTokenizer>,
    }
    let scratch = Scratch::new("count-yaml").unwrap();
    let mut file: String = (0..=255_u8).map(|byte| format!("{} {byte}\n", STANDARD.encode([byte]))).collect();
    file += &format!("{} 256\n", STANDARD.encode("he"));
    std::fs::write(scratch.path().join("small.tiktoken"), file).unwrap();
    let compile = |more: &[&str]| {
        let fixed = ["tokenizer", "compile", "small.tiktoken", "--splitting", "llama3"];
        tollgate(scratch.path(), &[&fixed[..], more].concat(), "")
    };
    for (more, models, others) in [
        (&["--format", "yaml"][..], &["small", "small-2"][..], &["llama-3"][..]),
        (&["--format", "yaml", "--model", "llama-3*", "--model", "x"], &["llama-3.1", "x"], &["small", "y"]),
    ] {
        assert_eq!(compile(more), (Some(0), "small.yaml\n".into(), String::new()));
        let yaml = std::fs::read_to_string(scratch.path().join("small.yaml")).unwrap();
        let raw: Raw = serde_saphyr::from_str(&yaml).unwrap();
        let catalog = Catalog::new(RawAliases::default(), raw.tokenizers).unwrap();
        for (models, is_own) in [(models, true), (others, false)] {
            for model in models {
                assert_eq!(catalog.profile(model).tokenizer().name() == "small", is_own, "{model}");
            }
        }
    }
    assert_eq!(compile(&["--format", "base64"]), (Some(0), "small.base64\n".into(), String::new()));
    assert_eq!(compile(&[]), (Some(0), "small.tollgate\n".into(), String::new()));
    let text = std::fs::read_to_string(scratch.path().join("small.base64")).unwrap();
    let raw = RawTokenizer { name: Some("small".into()), models: vec!["m".into()], table: text };
    let catalog = Catalog::new(RawAliases::default(), vec![raw]).unwrap();
    let table = std::fs::read(scratch.path().join("small.tollgate")).unwrap();
    let loaded = Tokenizer::load(table).unwrap();
    assert_eq!(catalog.profile("m").tokenizer().table(), loaded.table());
    let (code, _, errors) = compile(&["--model", "m"]);
    assert!(code == Some(2) && errors.contains("--model requires --format yaml"), "{errors}");
}
