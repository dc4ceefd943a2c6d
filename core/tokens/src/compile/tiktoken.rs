//! Vocabularies by rank: `.tiktoken` and `tekken.json`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{CompileError, VocabularyBuilder};
use crate::pretokenizer::Pretokenizer;

/// Compiles a `.tiktoken` file: on each line a token in base64, a space and its rank, which is its id as well.
///
/// The file does not say how text is cut: `pretokenizer` does.
///
/// # Errors
/// When a line is something else, a rank comes twice, or the vocabulary is no byte-level one.
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
        let (token, rank) =
            read().ok_or_else(|| CompileError::new(format!("line {}: not a token and its rank", number + 1)))?;
        put(&mut tokens, rank, token)?;
    }
    VocabularyBuilder { name, pretokenizer, is_normalized: false, tokens, ids: Vec::new(), whole_first: true }.compile()
}

/// Compiles Mistral's `tekken.json`.
///
/// # Errors
/// When it is something else.
pub fn tekken(name: &str, file: &[u8]) -> Result<Vec<u8>, CompileError> {
    let file: serde_json::Value =
        serde_json::from_slice(file).map_err(|error| CompileError::new(format!("no JSON: {error}")))?;
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
            return Err(CompileError::new("an entry of vocab without token_bytes or rank"));
        };
        if rank < size {
            put(&mut tokens, rank, token)?;
        }
    }
    let ids = (0..tokens.len()).map(|rank| (rank + specials) as u32).collect();
    VocabularyBuilder { name, pretokenizer: Pretokenizer::Tekken, is_normalized: false, tokens, ids, whole_first: true }.compile()
}

fn put(tokens: &mut Vec<Vec<u8>>, rank: usize, token: Vec<u8>) -> Result<(), CompileError> {
    if rank >= 1 << 18 || token.is_empty() {
        return Err(CompileError::new(format!("rank {rank}: more than 2^18, or an empty token")));
    }
    if tokens.len() <= rank {
        tokens.resize(rank + 1, Vec::new());
    }
    if !std::mem::replace(&mut tokens[rank], token).is_empty() {
        return Err(CompileError::new(format!("rank {rank} comes twice")));
    }
    Ok(())
}
