//! Vocabularies given by merges: Hugging Face's `tokenizer.json`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{CompileError, VocabularyBuilder};
use crate::pretokenizer::Pretokenizer;

/// Known patterns, as spelled in the files.
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

/// The three patterns of DeepSeek V3.
const DEEPSEEK: [&str; 3] = [
    r"\p{N}{1,3}",
    "[一-龥\u{3040}-ゟ゠-ヿ]+",
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
];

/// Compiles a `tokenizer.json` of Hugging Face's `tokenizers`.
///
/// # Errors
/// If the file is not a byte-level BPE tokenizer, or has an unsupported step: a normalizer other than NFC, an unknown
/// pattern, a prefix space, dropout.
pub fn huggingface(name: &str, file: &[u8]) -> Result<Vec<u8>, CompileError> {
    let file: Value =
        serde_json::from_slice(file).map_err(|error| CompileError::new(format!("invalid JSON: {error}")))?;
    let is_normalized = is_normalized(&file["normalizer"])?;
    let pretokenizer = pretokenizer(&file["pre_tokenizer"])?;
    let model = &file["model"];
    check_model(model)?;
    let vocab = model["vocab"].as_object().ok_or_else(|| CompileError::new("model.vocab is missing"))?;
    let merges = model["merges"].as_array().ok_or_else(|| CompileError::new("model.merges is missing"))?;
    let whole_first = model["ignore_merges"] == true;

    let mut ranked = RankedTokens::of_bytes(vocab);
    for merge in merges {
        ranked.push_merge(merge)?;
    }
    if whole_first {
        ranked.push_unmerged();
    }
    ranked.check_pairs()?;
    let RankedTokens { tokens, ids, .. } = ranked;
    VocabularyBuilder { name, pretokenizer, is_normalized, tokens, ids, whole_first }.compile()
}

/// Returns whether the normalizer is NFC; any other normalizer is an error.
fn is_normalized(normalizer: &Value) -> Result<bool, CompileError> {
    match normalizer {
        Value::Null => Ok(false),
        Value::Object(normalizer) if normalizer.get("type").is_some_and(|kind| kind == "NFC") => Ok(true),
        Value::Object(normalizer)
            if normalizer.get("type").is_some_and(|kind| kind == "Sequence")
                && normalizer.get("normalizers").and_then(Value::as_array).is_some_and(Vec::is_empty) =>
        {
            Ok(false)
        }
        _ => Err(CompileError::new("normalizer: only NFC is supported")),
    }
}

/// Checks that the model is a byte-level BPE without unsupported options.
fn check_model(model: &Value) -> Result<(), CompileError> {
    if !model["type"].is_null() && model["type"] != "BPE" {
        return Err(CompileError::new("model.type: only BPE is supported"));
    }
    for (field, harmless) in
        [("dropout", Value::Null), ("continuing_subword_prefix", "".into()), ("end_of_word_suffix", "".into())]
    {
        if !model[field].is_null() && model[field] != harmless {
            return Err(CompileError::new(format!("model.{field}: not supported")));
        }
    }
    if model["byte_fallback"] == true {
        return Err(CompileError::new("model.byte_fallback: not a byte-level BPE"));
    }
    Ok(())
}

/// Tokens in the order of their merges. Merging is ordered by rank: bytes come first, then the merged tokens in the
/// order of the list.
struct RankedTokens<'f> {
    vocab: &'f Map<String, Value>,
    byte_of: HashMap<char, u8>,
    /// Tokens by rank.
    tokens: Vec<Vec<u8>>,
    /// Ids by rank.
    ids: Vec<u32>,
    /// Rank of each merged token, by its text in the file.
    ranks: HashMap<String, usize>,
    /// Left-operand lengths of the pairs listed for each rank.
    splits: Vec<Vec<usize>>,
}

impl<'f> RankedTokens<'f> {
    /// Creates a list of the single bytes.
    fn of_bytes(vocab: &'f Map<String, Value>) -> RankedTokens<'f> {
        let mut ranked = RankedTokens {
            vocab,
            byte_of: alphabet(),
            tokens: vec![Vec::new(); 256],
            ids: vec![0; 256],
            ranks: HashMap::new(),
            splits: vec![Vec::new(); 256],
        };
        for (c, byte) in ranked.byte_of.clone() {
            if let Some(id) = ranked.id(c.encode_utf8(&mut [0; 4])) {
                ranked.tokens[usize::from(byte)] = vec![byte];
                ranked.ids[usize::from(byte)] = id;
            }
        }
        ranked
    }

    /// Returns the id of a token.
    fn id(&self, text: &str) -> Option<u32> {
        self.vocab.get(text).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok())
    }

    /// Decodes the text of a token in the file.
    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        text.chars().map(|c| self.byte_of.get(&c).copied()).collect()
    }

    /// Appends the token of a merge, or a further pair of the last token.
    fn push_merge(&mut self, merge: &Value) -> Result<(), CompileError> {
        let (left, right) = pair(merge).ok_or_else(|| CompileError::new("model.merges: not a pair"))?;
        let text = format!("{left}{right}");
        let (Some(token), Some(left), Some(id)) = (self.decode(&text), self.decode(left), self.id(&text)) else {
            return Err(CompileError::new("model.merges: a pair that is not in the vocabulary"));
        };
        match self.ranks.get(&text) {
            None => {
                self.ranks.insert(text, self.tokens.len());
                self.splits.push(vec![left.len()]);
                self.tokens.push(token);
                self.ids.push(id);
            }
            // Files that were converted from ranks list all pairs of a token consecutively.
            Some(&rank) if rank + 1 == self.tokens.len() => self.splits[rank].push(left.len()),
            Some(_) => return Err(CompileError::new("model.merges: pairs of different ranks produce one token")),
        }
        Ok(())
    }

    /// Appends the tokens that no merge produces.
    fn push_unmerged(&mut self) {
        for text in self.vocab.keys() {
            let (false, Some(token), Some(id)) = (self.ranks.contains_key(text), self.decode(text), self.id(text))
            else {
                continue;
            };
            if token.len() > 1 {
                self.splits.push(Vec::new());
                self.tokens.push(token);
                self.ids.push(id);
            }
        }
    }

    /// Checks that merging by bytes equals merging by pairs.
    ///
    /// This crate merges by the bytes of a pair, Hugging Face by the pair itself. The results are equal if every token
    /// that merging bytes produces is produced by a listed pair: see `merge_trees`.
    fn check_pairs(&self) -> Result<(), CompileError> {
        let trees = super::merge_tree::merge_trees(&self.tokens);
        for (rank, (tree, splits)) in trees.iter().zip(&self.splits).enumerate().skip(256) {
            if tree.split != 0 && !splits.contains(&tree.split) {
                return Err(CompileError::new(format!("merge {}: merging bytes does not use this pair", rank - 256)));
            }
        }
        Ok(())
    }
}

/// Parses the operands of a merge, in either spelling.
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

/// Returns the pre-tokenizer of the file.
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
                    return Err(unknown("a Split whose behavior is not Isolated"));
                }
                patterns.push(step["pattern"]["Regex"].as_str().ok_or_else(|| unknown("a Split without a regex"))?);
            }
            Some("ByteLevel") => {
                if step["add_prefix_space"] == true {
                    return Err(unknown("a prefix space"));
                }
                by_bytes = true;
                // ByteLevel's own pattern is GPT-2's.
                if step["use_regex"] != false {
                    patterns.push(PATTERNS[PATTERNS.len() - 1].0);
                }
            }
            _ => return Err(unknown("only Split and ByteLevel are supported")),
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
    .ok_or_else(|| unknown("the pattern is not supported"))
}

/// Returns the byte of each character of GPT-2's `bytes_to_unicode`: printable Latin-1 characters map to themselves,
/// consecutive characters from U+0100 to the other bytes.
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
