//! Vocabularies given by rank: `.tiktoken` and `tekken.json`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{CompileError, VocabularyBuilder};
use crate::pretokenizer::Pretokenizer;

/// Compiles a `.tiktoken` file: each line is a base64 token, a space and its rank, which is also its id.
///
/// The file does not name its pre-tokenizer, so the caller does.
///
/// # Errors
/// If a line is malformed, a rank is duplicated, or the vocabulary is not byte-level.
pub fn tiktoken(name: &str, pretokenizer: Pretokenizer, file: &[u8]) -> Result<Vec<u8>, CompileError> {
    let mut tokens = Vec::new();
    for (number, line) in file.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let read = || {
            let at = line.iter().position(|byte| *byte == b' ')?;
            let rank: usize = std::str::from_utf8(&line[at + 1..]).ok()?.parse().ok()?;
            Some((STANDARD.decode(&line[..at]).ok()?, rank))
        };
        let (token, rank) = read()
            .ok_or_else(|| CompileError::new(format!("line {}: expected a base64 token and its rank", number + 1)))?;
        put(&mut tokens, rank, token)?;
    }
    VocabularyBuilder { name, pretokenizer, is_normalized: false, tokens, ids: Vec::new(), whole_first: true }.compile()
}

/// Compiles Mistral's `tekken.json`.
///
/// # Errors
/// If the file is not a `tekken.json`.
pub fn tekken(name: &str, file: &[u8]) -> Result<Vec<u8>, CompileError> {
    let file: serde_json::Value =
        serde_json::from_slice(file).map_err(|error| CompileError::new(format!("invalid JSON: {error}")))?;
    let number = |field: &str| {
        let number = file["config"][field].as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| CompileError::new(format!("config.{field} is missing")))
    };
    let specials = number("default_num_special_tokens")?;
    let size = number("default_vocab_size")?.saturating_sub(specials);
    let mut tokens = Vec::new();
    for entry in file["vocab"].as_array().ok_or_else(|| CompileError::new("vocab is missing"))? {
        let token = entry["token_bytes"].as_str().and_then(|token| STANDARD.decode(token).ok());
        let rank = entry["rank"].as_u64().and_then(|rank| usize::try_from(rank).ok());
        let (Some(token), Some(rank)) = (token, rank) else {
            return Err(CompileError::new("a vocab entry lacks token_bytes or rank"));
        };
        if rank < size {
            put(&mut tokens, rank, token)?;
        }
    }
    let ids = (0..tokens.len()).map(|rank| (rank + specials) as u32).collect();
    VocabularyBuilder { name, pretokenizer: Pretokenizer::Tekken, is_normalized: false, tokens, ids, whole_first: true }
        .compile()
}

/// Stores the token of a rank.
fn put(tokens: &mut Vec<Vec<u8>>, rank: usize, token: Vec<u8>) -> Result<(), CompileError> {
    if rank >= 1 << 18 || token.is_empty() {
        return Err(CompileError::new(format!("rank {rank}: the rank exceeds 2^18, or the token is empty")));
    }
    if tokens.len() <= rank {
        tokens.resize(rank + 1, Vec::new());
    }
    if !std::mem::replace(&mut tokens[rank], token).is_empty() {
        return Err(CompileError::new(format!("rank {rank} is duplicated")));
    }
    Ok(())
}
