//! Compiled tokenizers against tiktoken-rs with the same vocabulary and pattern.
//!
//! The tests generate the files from the vocabularies of tiktoken-rs: those of other models may not be shipped.

// Clippy does not treat the helper functions of tests as test code.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../oracle/kinds.rs"]
mod kinds;
#[path = "../oracle/random.rs"]
mod random;

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use random::Random;
use serde_json::json;
use tiktoken_rs::CoreBPE;
use tollgate_tokens::{Encoding, Pretokenizer, StreamCounter, Tokenizer, compile};

/// First tokens of `cl100k_base`, by rank: as many as a debug build merges quickly.
static TOKENS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let source = tiktoken_rs::cl100k_base_singleton();
    (0..20_000).map(|rank| source.decode_bytes(&[rank]).unwrap()).collect()
});

const LETTERS: &str = r"[^\r\n\p{L}\p{N}]?\p{L}+";
const SIGNS: &str = r" ?[^\s\p{L}\p{N}]+[\r\n]*";
const SPACES: &str = r"\s*[\r\n]+|\s+(?!\S)|\s+";
const CONTRACTIONS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)";

/// Returns the pattern of a pre-tokenizer as one regex.
#[allow(clippy::panic)]
fn pattern(pretokenizer: Pretokenizer) -> String {
    let upper = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    let lower = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    let cased =
        |end: &str| format!(r"[^\r\n\p{{L}}\p{{N}}]?{upper}*{lower}+{end}|[^\r\n\p{{L}}\p{{N}}]?{upper}+{lower}*{end}");
    match pretokenizer {
        Pretokenizer::Gpt2 => r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+".into(),
        Pretokenizer::Cl100k => {
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
                .into()
        }
        Pretokenizer::O200k => {
            format!(r"{}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{SPACES}", cased(&format!("{CONTRACTIONS}?")))
        }
        Pretokenizer::Llama3 => format!(r"{CONTRACTIONS}|{LETTERS}|\p{{N}}{{1,3}}|{SIGNS}|{SPACES}"),
        Pretokenizer::Qwen2 => format!(r"{CONTRACTIONS}|{LETTERS}|\p{{N}}|{SIGNS}|{SPACES}"),
        Pretokenizer::Tekken => format!(r"{}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{SPACES}", cased("")),
        other => panic!("{other:?} is more than one regex"),
    }
}

fn oracle(tokens: &[Vec<u8>], pattern: &str) -> CoreBPE {
    let ranks = tokens.iter().cloned().zip(0..).collect();
    CoreBPE::new(ranks, Default::default(), pattern).unwrap()
}

fn tiktoken_file(tokens: &[Vec<u8>]) -> Vec<u8> {
    let lines = tokens.iter().enumerate().map(|(rank, token)| format!("{} {rank}\n", STANDARD.encode(token)));
    lines.collect::<String>().into_bytes()
}

fn compare(tokenizer: &Tokenizer, expected: impl Fn(&str) -> Vec<u32>, strings: usize) {
    let mut random = Random(11);
    let mut text = String::new();
    for _ in 0..strings {
        text.clear();
        kinds::string(&mut random, &mut |_, _| (), 12, &mut text);
        let mut ids = Vec::new();
        tokenizer.encode(&text, &mut ids);
        let expected = expected(&text);
        assert_eq!(ids, expected, "{text:?}");
        assert_eq!(tokenizer.count(&text), expected.len() as u64, "{text:?}");
    }
}

#[test]
fn every_pretokenizer_matches_its_regex() {
    let file = tiktoken_file(&TOKENS);
    for (name, pretokenizer) in Pretokenizer::ALL {
        if pretokenizer == Pretokenizer::DeepSeek3 {
            continue;
        }
        let tokenizer = Tokenizer::load(compile::tiktoken(name, pretokenizer, &file).unwrap()).unwrap();
        assert_eq!(tokenizer.name(), name);
        let oracle = oracle(&TOKENS, &pattern(pretokenizer));
        // tiktoken's own pattern of `cl100k_base` has a possessive end that this regex lacks; the results differ only
        // at the end of the text.
        let whole_end = |text: &str| {
            let kept = text.trim_end_matches(char::is_whitespace);
            pretokenizer == Pretokenizer::Cl100k && kept.len() + 1 < text.len()
        };
        compare(
            &tokenizer,
            |text| if whole_end(text) { own(&tokenizer, text) } else { oracle.encode_ordinary(text) },
            4000,
        );
    }
}

#[test]
fn streams_are_counted_with_every_pretokenizer() {
    let file = tiktoken_file(&TOKENS);
    let long = ["a", "A", "ab C", " ", " \n", "\u{3000}", "1", "٣", "漢", "漢A", ".", "\u{301}", "'", "'s", "😀", "\n"];
    let ends = ["x", "X", "1", " ", " x", "\n", "\nx", "!", "'s", "'S x", "'re", "'r", "漢", "\u{301}", "  1", "/", ""];
    let mut random = Random(12);
    for (name, pretokenizer) in Pretokenizer::ALL {
        let tokenizer = Tokenizer::load(compile::tiktoken(name, pretokenizer, &file).unwrap()).unwrap();
        let mut texts = Vec::new();
        for unit in long {
            for end in ends {
                let before = *random.pick(&["", " ", "x", "1", "!", "\n", "'"]);
                let times = (200 + random.below(1200)) / unit.len();
                texts.push(format!("{before}{}{end}{}", unit.repeat(times), " and so on, ".repeat(random.below(3))));
            }
        }
        for _ in 0..600 {
            let mut text = String::new();
            kinds::string(&mut random, &mut |_, _| (), 30, &mut text);
            texts.push(text);
        }
        for text in texts {
            let mut counter = StreamCounter::new(tokenizer.clone());
            let most = 1 + random.below(80);
            let mut at = 0;
            while at < text.len() {
                let end = (at + 1 + random.below(most)).min(text.len());
                counter.push(&text.as_bytes()[at..end]);
                at = end;
                let whole = &text[..text.floor_char_boundary(at)];
                assert_eq!(counter.count(), tokenizer.count(whole), "{name} {whole:?}");
            }
        }
    }
}

fn own(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    tokenizer.encode(text, &mut ids);
    ids
}

#[test]
fn deepseek_splits_in_three_steps() {
    let tokenizer =
        Tokenizer::load(compile::tiktoken("d", Pretokenizer::DeepSeek3, &tiktoken_file(&TOKENS)).unwrap()).unwrap();
    let cuts = r"\p{N}{1,3}|[一-龥぀-ゟ゠-ヿ]+";
    let word = r"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+";
    let third = format!(
        r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{{|}}~][A-Za-z]+|{word}| ?[\p{{P}}\p{{S}}]+[\r\n]*|{SPACES}|(?:(?!{word})[^\s\p{{L}}\p{{M}}\p{{P}}\p{{S}}])+"##
    );
    let (cuts, third) = (oracle(&TOKENS, cuts), oracle(&TOKENS, &third));
    let is_cut = |c: char| c.is_numeric() || matches!(c, '一'..='龥' | '\u{3040}'..='\u{30ff}');
    compare(
        &tokenizer,
        |text| {
            let mut ids = Vec::new();
            let mut rest = text;
            while let Some(first) = rest.chars().next() {
                let end = rest.find(|c| is_cut(c) != is_cut(first)).unwrap_or(rest.len());
                let (part, after) = rest.split_at(end);
                ids.extend(if is_cut(first) { cuts.encode_ordinary(part) } else { third.encode_ordinary(part) });
                rest = after;
            }
            ids
        },
        8000,
    );
}

#[test]
fn a_compiled_vocabulary_equals_the_built_in_one() {
    let source = tiktoken_rs::cl100k_base_singleton();
    let tokens: Vec<Vec<u8>> = (0..100_256).map(|rank| source.decode_bytes(&[rank]).unwrap()).collect();
    let table = compile::tiktoken("cl100k", Pretokenizer::Cl100k, &tiktoken_file(&tokens)).unwrap();
    let tokenizer = Tokenizer::load(table).unwrap();
    compare(&tokenizer, |text| own(&Encoding::Cl100kBase.into(), text), 4000);
}

/// Returns a `tokenizer.json` of the vocabulary, whose ids differ from the ranks.
fn json_file(tokens: &[Vec<u8>], merges: &[(Vec<u8>, Vec<u8>)], change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let mut next = 0x100;
    let mut alphabet = HashMap::new();
    for byte in 0..=255_u8 {
        let own = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
        alphabet.insert(byte, if own { char::from(byte) } else { char::from_u32(next).unwrap() });
        next += u32::from(!own);
    }
    let text = |token: &[u8]| token.iter().map(|byte| alphabet[byte]).collect::<String>();
    let vocab: HashMap<String, usize> =
        tokens.iter().enumerate().map(|(rank, token)| (text(token), rank + 7)).collect();
    let merges: Vec<String> = merges.iter().map(|(left, right)| format!("{} {}", text(left), text(right))).collect();
    let mut file = json!({
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern(Pretokenizer::Qwen2)}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
        ]},
        "model": {"type": "BPE", "dropout": null, "byte_fallback": false, "vocab": vocab, "merges": merges}
    });
    change(&mut file);
    file.to_string().into_bytes()
}

/// Returns the merge pair of every token but the bytes.
fn pairs(tokens: &[Vec<u8>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let ranks: HashMap<&[u8], usize> = tokens.iter().map(Vec::as_slice).zip(0..).collect();
    let split = |(rank, token): (usize, &Vec<u8>)| {
        let mut parts: Vec<&[u8]> = token.chunks(1).collect();
        while parts.len() > 2 {
            let rank_of = |i: usize| ranks.get([parts[i], parts[i + 1]].concat().as_slice()).copied();
            let (_, at) = (0..parts.len() - 1).filter_map(|i| Some((rank_of(i)?, i))).min().unwrap();
            let start = parts[..at].iter().map(|part| part.len()).sum::<usize>();
            let len = parts[at].len() + parts[at + 1].len();
            parts.splice(at..at + 2, [&token[start..start + len]]);
        }
        assert!(rank >= 256);
        (parts[0].to_vec(), parts[1].to_vec())
    };
    tokens.iter().enumerate().skip(256).map(split).collect()
}

#[test]
fn hugging_face_merges_become_ranks() {
    let tokens = &TOKENS[..4000];
    let table = compile::huggingface("q", &json_file(tokens, &pairs(tokens), |_| {})).unwrap();
    let tokenizer = Tokenizer::load(table).unwrap();
    assert!(tokenizer.is_normalized());
    let oracle = oracle(tokens, &pattern(Pretokenizer::Qwen2));
    let expected = |text: &str| oracle.encode_ordinary(text).iter().map(|id| id + 7).collect();
    compare(&tokenizer, expected, 4000);
}

#[test]
fn unreachable_tokens_match_whole_pieces_only() {
    // No merge produces "zqxj": its parts are not tokens.
    let mut tokens = TOKENS[..1000].to_vec();
    let merges = pairs(&tokens);
    tokens.push(b"zqxj".to_vec());
    for (ignore_merges, expected) in [(true, 1), (false, 4)] {
        let file = json_file(&tokens, &merges, |file| file["model"]["ignore_merges"] = ignore_merges.into());
        let tokenizer = Tokenizer::load(compile::huggingface("q", &file).unwrap()).unwrap();
        assert_eq!(tokenizer.count("zqxj"), expected);
        assert_eq!(tokenizer.count("zqxjzqxj"), 8);
        assert_eq!(tokenizer.count(&"zqxj".repeat(100)), 400);
    }
}

#[test]
fn unsupported_tokenizers_are_rejected() {
    let tokens = &TOKENS[..300];
    let merges = pairs(tokens);
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change); 9] = [
        ("normalizer", |file| file["normalizer"] = json!({"type": "Lowercase"})),
        ("the pattern", |file| file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(r"\w+")),
        ("a prefix space", |file| file["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = json!(true)),
        ("only Split", |file| file["pre_tokenizer"] = json!({"type": "Metaspace"})),
        ("BPE", |file| file["model"]["type"] = json!("Unigram")),
        ("byte_fallback", |file| file["model"]["byte_fallback"] = json!(true)),
        ("dropout", |file| file["model"]["dropout"] = json!(0.1)),
        ("merges", |file| file["model"]["merges"] = json!(["a"])),
        ("vocab", |file| file["model"]["vocab"] = json!(null)),
    ];
    for (why, change) in changes {
        let error = compile::huggingface("q", &json_file(tokens, &merges, change)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(compile::huggingface("q", b"{").is_err());
    for file in ["YQ== x", "YQ==", "Y*== 0", "YQ== 0\nYg== 0", "YQ== 0", "YQ== 99999999"] {
        assert!(compile::tiktoken("t", Pretokenizer::Cl100k, file.as_bytes()).is_err(), "{file}");
    }
}

#[test]
fn damaged_files_are_rejected() {
    let table = compile::tiktoken("t", Pretokenizer::Cl100k, &tiktoken_file(&TOKENS[..300])).unwrap();
    assert!(Tokenizer::load(table.clone()).is_ok());
    for at in (0..table.len()).step_by(997).chain([0, 7, 8, 16, 20, table.len() - 1]) {
        let mut damaged = table.clone();
        damaged[at] ^= 0x10;
        assert!(Tokenizer::load(damaged).is_err(), "{at}");
        assert!(Tokenizer::load(table[..at].to_vec()).is_err(), "{at}");
    }
}

#[test]
fn tekken_ids_start_after_the_special_tokens() {
    let vocab: Vec<_> = TOKENS[..1000]
        .iter()
        .enumerate()
        .map(|(rank, token)| json!({"rank": rank, "token_bytes": STANDARD.encode(token), "token_str": null}))
        .collect();
    let file = json!({"config": {"default_vocab_size": 600, "default_num_special_tokens": 100}, "vocab": vocab});
    let tokenizer = Tokenizer::load(compile::tekken("m", file.to_string().as_bytes()).unwrap()).unwrap();
    let oracle = oracle(&TOKENS[..500], &pattern(Pretokenizer::Tekken));
    compare(&tokenizer, |text| oracle.encode_ordinary(text).iter().map(|id| id + 100).collect(), 2000);
}
