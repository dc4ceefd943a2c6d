//! Vocabularies by merges: Hugging Face's `tokenizer.json`.

use std::collections::HashMap;

use serde_json::Value;

use super::{CompileError, VocabularyBuilder};
use crate::pretokenizer::Pretokenizer;

/// The patterns that are known, as the files spell them.
const PATTERNS: &[(&str, Pretokenizer)] = &[
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        Pretokenizer::Llama3,
    ),
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        Pretokenizer::Qwen2,
    ),
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        Pretokenizer::Tekken,
    ),
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        Pretokenizer::O200k,
    ),
    (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
        Pretokenizer::Cl100k,
    ),
    (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", Pretokenizer::Gpt2),
];

/// The three of DeepSeek V3.
const DEEPSEEK: [&str; 3] = [
    r"\p{N}{1,3}",
    "[一-龥\u{3040}-ゟ゠-ヿ]+",
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
];

/// Compiles a `tokenizer.json` of Hugging Face's `tokenizers`.
///
/// # Errors
/// When it is something else, no byte-level BPE, or has a step that is not understood: a normaliser other than NFC, a
/// pattern that is not known, a prefix space, dropout.
pub fn huggingface(name: &str, file: &[u8]) -> Result<Vec<u8>, CompileError> {
    let file: Value = serde_json::from_slice(file).map_err(|error| CompileError::new(format!("no JSON: {error}")))?;
    let is_normalized = match &file["normalizer"] {
        Value::Null => false,
        Value::Object(normalizer) if normalizer.get("type").is_some_and(|kind| kind == "NFC") => true,
        Value::Object(normalizer)
            if normalizer.get("type").is_some_and(|kind| kind == "Sequence")
                && normalizer.get("normalizers").and_then(Value::as_array).is_some_and(Vec::is_empty) =>
        {
            false
        }
        _ => return Err(CompileError::new("normalizer: only NFC is known")),
    };
    let pretokenizer = pretokenizer(&file["pre_tokenizer"])?;
    let model = &file["model"];
    if !model["type"].is_null() && model["type"] != "BPE" {
        return Err(CompileError::new("model.type: only BPE is known"));
    }
    for (field, harmless) in
        [("dropout", Value::Null), ("continuing_subword_prefix", "".into()), ("end_of_word_suffix", "".into())]
    {
        if !model[field].is_null() && model[field] != harmless {
            return Err(CompileError::new(format!("model.{field}: not known")));
        }
    }
    if model["byte_fallback"] == true {
        return Err(CompileError::new("model.byte_fallback: not a byte-level BPE"));
    }
    let vocab = model["vocab"].as_object().ok_or_else(|| CompileError::new("model.vocab is missing"))?;
    let merges = model["merges"].as_array().ok_or_else(|| CompileError::new("model.merges is missing"))?;
    let whole_first = model["ignore_merges"] == true;
    let bytes_of = alphabet();
    let read = |text: &str| -> Option<Vec<u8>> { text.chars().map(|c| bytes_of.get(&c).copied()).collect() };

    let id = |text: &str| vocab.get(text).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    // Bytes come first, then what the merges make, in their order: that is what merging goes by.
    let mut tokens: Vec<Vec<u8>> = vec![Vec::new(); 256];
    let mut ids = vec![0; 256];
    for (c, byte) in &bytes_of {
        if let Some(id) = id(c.encode_utf8(&mut [0; 4])) {
            tokens[usize::from(*byte)] = vec![*byte];
            ids[usize::from(*byte)] = id;
        }
    }
    // Where each token stands, and the lengths of the left parts of the pairs that are said to make it.
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut splits: Vec<Vec<usize>> = vec![Vec::new(); 256];
    for merge in merges {
        let (left, right) = pair(merge).ok_or_else(|| CompileError::new("model.merges: not a pair"))?;
        let text = format!("{left}{right}");
        let (Some(token), Some(left), Some(id)) = (read(&text), read(left), id(&text)) else {
            return Err(CompileError::new("model.merges: a pair that is not in the vocabulary"));
        };
        match known.get(&text) {
            None => {
                known.insert(text, tokens.len());
                splits.push(vec![left.len()]);
                tokens.push(token);
                ids.push(id);
            }
            // Files that were made from ranks have all pairs of a token one after the other.
            Some(&rank) if rank + 1 == tokens.len() => splits[rank].push(left.len()),
            Some(_) => return Err(CompileError::new("model.merges: a token is made by pairs of different ranks")),
        }
    }
    if whole_first {
        for (text, id) in vocab {
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let (false, Some(token), Some(id)) = (known.contains_key(text), read(text), id) else { continue };
            if token.len() > 1 {
                splits.push(Vec::new());
                tokens.push(token);
                ids.push(id);
            }
        }
    }
    // Merging goes by bytes here and by pairs there. That is the same if every token that merging bytes makes is made
    // by a pair of the list: see `spines`.
    for (rank, (spine, splits)) in super::merge_tree::merge_trees(&tokens).iter().zip(&splits).enumerate().skip(256) {
        if spine.split != 0 && !splits.contains(&spine.split) {
            return Err(CompileError::new(format!("merge {}: its pair does not make its token", rank - 256)));
        }
    }
    VocabularyBuilder { name, pretokenizer, is_normalized, tokens, ids, whole_first }.compile()
}

/// The two parts of a merge, in either spelling.
fn pair(merge: &Value) -> Option<(&str, &str)> {
    match merge {
        Value::String(pair) => pair.split_once(' '),
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(left), Value::String(right)] => Some((left, right)),
            _ => None,
        },
        _ => None,
    }
}

/// How text is cut.
fn pretokenizer(pre_tokenizer: &Value) -> Result<Pretokenizer, CompileError> {
    let unknown = |why: &str| CompileError::new(format!("pre_tokenizer: {why}"));
    let steps: Vec<&Value> = match pre_tokenizer["pretokenizers"].as_array() {
        Some(steps) => steps.iter().collect(),
        None => vec![pre_tokenizer],
    };
    let mut patterns = Vec::new();
    let mut by_bytes = false;
    for step in steps {
        match step["type"].as_str() {
            Some("Split") => {
                if step["behavior"] != "Isolated" || step["invert"] == true {
                    return Err(unknown("a Split that does not isolate"));
                }
                patterns.push(step["pattern"]["Regex"].as_str().ok_or_else(|| unknown("a Split without a regex"))?);
            }
            Some("ByteLevel") => {
                if step["add_prefix_space"] == true {
                    return Err(unknown("a prefix space"));
                }
                by_bytes = true;
                // Its own pattern is GPT-2's.
                if step["use_regex"] != false {
                    patterns.push(PATTERNS[PATTERNS.len() - 1].0);
                }
            }
            _ => return Err(unknown("only Split and ByteLevel are known")),
        }
    }
    if !by_bytes {
        return Err(unknown("not byte-level"));
    }
    match patterns.as_slice() {
        [one] => PATTERNS.iter().find(|(pattern, _)| pattern == one).map(|(_, pretokenizer)| *pretokenizer),
        three if *three == DEEPSEEK => Some(Pretokenizer::DeepSeek3),
        _ => None,
    }
    .ok_or_else(|| unknown("a pattern that is not known"))
}

/// The character that stands for each byte: GPT-2's `bytes_to_unicode`. Printable ones of Latin-1 stand for themselves,
/// the others for what follows U+0100.
fn alphabet() -> HashMap<char, u8> {
    let mut next = 0x100;
    let own = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut char_of = |byte: u8| {
        if own(byte) {
            return char::from(byte);
        }
        next += 1;
        char::from_u32(next - 1).unwrap_or_default()
    };
    (0..=255).map(|byte| (char_of(byte), byte)).collect()
}
