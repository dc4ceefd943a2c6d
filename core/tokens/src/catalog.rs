//! What a configuration says of models: whose tokenizer is loaded, and which names stand for others.
//!
//! The vocabularies that may not be shipped come as tables in base64, since what hands configurations over (a Struct,
//! JSON) has texts only. A text is turned into the table where it stands, and plugins of one virtual machine that are
//! given the same table share it.

use std::cell::RefCell;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use tollgate_llm::encoding::{Caps, Encoding, Inflater};
use tollgate_names::{Entries, MAX_NAME_BYTES, Names};

use crate::{Profile, Tokenizer};

/// The largest table, in bytes: the largest vocabularies of today take a third of it.
pub const MAX_TABLE_BYTES: usize = 16 << 20;
/// The most tokenizers of one configuration.
pub const MAX_TOKENIZERS: usize = 8;

/// A tokenizer of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTokenizer {
    /// Its name, for readers: the table must have been compiled under it. Default: whatever the table says.
    #[serde(default)]
    pub name: Option<String>,
    /// The models that it is of. A name is exact (`llama-3.1-8b`) or ends in `*` and stands for every name that begins
    /// like it (`llama-3*`); the exact name wins, then the longest prefix. 1 to 256 bytes each.
    pub models: Vec<String>,
    /// What `tollgate tokenizer compile` has made, as it is or in gzip, in base64; white space is of no meaning. At most
    /// 16 MiB, as it is.
    pub table: String,
}

/// The `aliases` of a configuration: names that clients use for models of another name.
pub type RawAliases = Entries<String>;

/// The most aliases of one configuration.
const MAX_ALIASES: usize = 4096;

/// A catalog that was refused: the path of the field and what is wrong with it. Never what a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogError {
    /// Where, e.g. `tokenizers[0].table` or `aliases."fast"`.
    pub path: String,
    /// What.
    pub problem: String,
}

impl std::fmt::Display for CatalogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl std::error::Error for CatalogError {}

/// What is known of models beyond what is built in.
///
/// ```
/// use tollgate_tokens::{Catalog, RawAliases};
///
/// let aliases: RawAliases = serde_json::from_str(r#"{"fast": "gpt-4o"}"#).unwrap();
/// let catalog = Catalog::new(aliases, Vec::new())?;
/// assert_eq!(catalog.upstream("fast"), "gpt-4o");
/// assert!(catalog.profile("fast").is_exact() && !catalog.profile("faster").is_exact());
/// # Ok::<(), tollgate_tokens::CatalogError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    aliases: Names<Box<str>>,
    tokenizers: Names<Tokenizer>,
}

impl Catalog {
    /// Checks names and loads tables.
    ///
    /// # Errors
    /// When a name is none or comes twice, or a table cannot be used.
    pub fn new(aliases: RawAliases, tokenizers: Vec<RawTokenizer>) -> Result<Catalog, CatalogError> {
        let mut catalog = Catalog::default();
        if aliases.0.len() > MAX_ALIASES {
            let problem = format!("at most {MAX_ALIASES} aliases");
            return Err(CatalogError { path: "aliases".to_owned(), problem });
        }
        for (name, model) in aliases.0 {
            let refuse =
                |problem: &str| CatalogError { path: format!("aliases.{name:?}"), problem: problem.to_owned() };
            if model.is_empty() || model.len() > MAX_NAME_BYTES || model.contains('*') {
                return Err(refuse("stands for one model: 1 to 256 bytes without `*`"));
            }
            catalog.aliases.insert(&name, model.into()).map_err(|error| refuse(error.problem()))?;
        }
        if tokenizers.len() > MAX_TOKENIZERS {
            let problem = format!("at most {MAX_TOKENIZERS} tokenizers");
            return Err(CatalogError { path: "tokenizers".to_owned(), problem });
        }
        for (place, raw) in tokenizers.into_iter().enumerate() {
            let refuse =
                |field: &str, problem: String| CatalogError { path: format!("tokenizers[{place}].{field}"), problem };
            let tokenizer = load(raw.table).map_err(|problem| refuse("table", problem))?;
            if let Some(name) = raw.name
                && name != tokenizer.name()
            {
                return Err(refuse("name", format!("the table was compiled as `{}`", tokenizer.name())));
            }
            if raw.models.is_empty() {
                return Err(refuse("models", "no model: it would never be used".to_owned()));
            }
            for (at, model) in raw.models.iter().enumerate() {
                let inserted = catalog.tokenizers.insert(model, tokenizer.clone());
                inserted.map_err(|error| refuse(&format!("models[{at}]"), error.to_string()))?;
            }
        }
        Ok(catalog)
    }

    /// The model that a name stands for: itself unless it is an alias.
    #[must_use]
    pub fn upstream<'a>(&'a self, model: &'a str) -> &'a str {
        self.aliases.find(model).map_or(model, |model| model)
    }

    /// How the prompts and answers of a model are counted, by its name or an alias.
    #[must_use]
    pub fn profile(&self, model: &str) -> Profile {
        let upstream = self.upstream(model);
        let profile = Profile::of(upstream);
        match self.tokenizers.find(upstream).or_else(|| self.tokenizers.find(model)) {
            Some(tokenizer) => profile.with_tokenizer(tokenizer.clone()),
            None => profile,
        }
    }
}

thread_local! {
    /// The tables that were loaded: whoever holds one keeps it.
    static LOADED: RefCell<Vec<crate::tokenizer::WeakTokenizer>> = const { RefCell::new(Vec::new()) };
}

/// The tokenizer of a table in base64: one that is there already if it has the same bytes.
fn load(text: String) -> Result<Tokenizer, String> {
    if text.len() / 4 > MAX_TABLE_BYTES / 3 {
        return Err(format!("more than {MAX_TABLE_BYTES} bytes"));
    }
    const WRITER: &str = "`tollgate tokenizer compile --format yaml` writes it";
    if let Some(at) = text.bytes().position(|byte| !is_base64(byte)) {
        return Err(format!("not base64, at byte {at} of the text: {WRITER}"));
    }
    let bytes = decoded(text.into_bytes()).ok_or_else(|| format!("not base64, or not all of it: {WRITER}"))?;
    let bytes = if bytes.starts_with(&GZIP) { inflated(&bytes)? } else { shrunk(bytes) };
    LOADED.with_borrow_mut(|loaded| {
        loaded.retain(|held| held.upgrade().is_some());
        let known = loaded.iter().filter_map(|held| held.upgrade()).find(|known| known.table() == Some(&bytes));
        if let Some(known) = known {
            return Ok(known);
        }
        let tokenizer = Tokenizer::load(bytes).map_err(|error| error.to_string())?;
        loaded.extend(tokenizer.downgrade());
        Ok(tokenizer)
    })
}

/// Whether a byte may stand in a text in base64.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || matches!(byte, b'+' | b'/' | b'=')
}

/// What a text in base64 says, in its own memory, which would be twice as much otherwise and is never given back. White
/// space is of no meaning, as it is left where a text was folded; padding may be missing, and nothing may follow it.
fn decoded(mut text: Vec<u8>) -> Option<Vec<u8>> {
    const DIGITS: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    const PIECE: usize = 4 << 10;
    text.retain(|byte| !byte.is_ascii_whitespace());
    let mut piece = [0; PIECE / 4 * 3];
    let mut written = 0;
    for start in (0..text.len()).step_by(PIECE) {
        let is_last = start + PIECE >= text.len();
        let digits = text.get(start..)?;
        let len = DIGITS.decode_slice(digits.get(..PIECE).unwrap_or(digits), &mut piece).ok()?;
        if !is_last && len < piece.len() {
            return None;
        }
        text.get_mut(written..written + len)?.copy_from_slice(piece.get(..len)?);
        written += len;
    }
    text.truncate(written);
    Some(text)
}

/// What a gzip file begins with (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// A table that came in gzip. How large it is stands at the end of the file, so that its memory is taken once.
fn inflated(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let size = bytes.last_chunk().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    if size > MAX_TABLE_BYTES {
        return Err(format!("more than {MAX_TABLE_BYTES} bytes"));
    }
    let mut table = Vec::with_capacity(size);
    let caps = Caps { max_bytes: MAX_TABLE_BYTES, max_ratio: usize::MAX, ..Caps::default() };
    let mut inflater = Inflater::new(Encoding::Gzip, caps);
    let pushed = bytes.chunks(2 << 10).try_for_each(|piece| inflater.push(piece, &mut table));
    pushed.and_then(|()| inflater.finish()).map(|()| table).map_err(|error| error.to_string())
}

/// A table takes three quarters of the memory that its text took.
fn shrunk(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.shrink_to_fit();
    bytes
}

#[cfg(test)]
mod tests;
