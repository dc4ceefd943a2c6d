//! Model settings of a configuration: loaded tokenizers and model aliases.
//!
//! Vocabularies that may not be shipped with Tollgate are configured as base64 tables, since Envoy delivers
//! configurations as text (a Struct or JSON). A table is decoded in the memory of its text, and plugins of one virtual
//! machine that are given the same table share it.

use std::cell::RefCell;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use tollgate_llm::content_encoding::{ContentEncoding, InflateLimits, Inflater};
use tollgate_names::{Entries, Resolver, ResolverBuilder, Step};

use crate::{Margin, Profile, RawMargins, Tokenizer};

/// Maximum size of a table in bytes. The largest vocabularies of today take a third of it.
pub const MAX_TABLE_BYTES: usize = 16 << 20;
/// Maximum number of tokenizers per configuration.
pub const MAX_TOKENIZERS: usize = 8;

/// Tokenizer entry of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawTokenizer {
    /// Name, for readers. It must equal the name that the table was compiled under. Default: the table's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Models that use this tokenizer. A name is exact (`llama-3.1-8b`) or ends in `*` and matches every name with that
    /// prefix (`llama-3*`); the exact name wins, then the name without prefixes and versions, then the longest wildcard. 1 to
    /// 256 bytes each.
    pub models: Vec<String>,
    /// Output of `tollgate tokenizer compile`, optionally gzip-compressed, in base64. White space is ignored. At most
    /// 16 MiB uncompressed.
    pub table: String,
}

/// `aliases` of a configuration: client-facing names of models.
pub type RawAliases = Entries<String>;

/// Maximum number of aliases per configuration.
const MAX_ALIASES: usize = 4096;

/// Error of an invalid catalog: the path of the field and the problem. It never contains table contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogError {
    /// Path of the field, e.g. `tokenizers[0].table` or `aliases."fast"`.
    pub path: String,
    /// Description of the problem.
    pub problem: String,
}

impl std::fmt::Display for CatalogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl std::error::Error for CatalogError {}

/// Configured aliases and tokenizers of models, in addition to the built-in ones.
///
/// ```
/// use tollgate_tokens::{Catalog, RawAliases};
///
/// let aliases: RawAliases = serde_json::from_str(r#"{"fast": "gpt-4o"}"#).unwrap();
/// let catalog = Catalog::new(aliases, Vec::new())?;
/// assert_eq!(catalog.resolve_alias("fast"), "gpt-4o");
/// assert!(catalog.profile("fast").is_exact() && !catalog.profile("faster").is_exact());
/// # Ok::<(), tollgate_tokens::CatalogError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    aliases: Resolver,
    tokenizers: Resolver<Tokenizer>,
    margins: Resolver<Margin>,
}

impl Catalog {
    /// Validates the names and loads the tables.
    ///
    /// # Errors
    /// If a name is invalid or duplicated, an alias leads back to itself, or a table cannot be used.
    pub fn new(aliases: RawAliases, tokenizers: Vec<RawTokenizer>) -> Result<Catalog, CatalogError> {
        let (aliases, tokenizers) = (validated_aliases(aliases)?, loaded_tokenizers(tokenizers)?);
        Ok(Catalog { aliases, tokenizers, margins: Resolver::default() })
    }

    /// Replaces the margins of the models that are named.
    ///
    /// # Errors
    /// If a name is invalid or there are too many.
    pub fn with_margins(self, RawMargins(raw): RawMargins) -> Result<Catalog, CatalogError> {
        if raw.0.len() > MAX_ALIASES {
            let problem = format!("at most {MAX_ALIASES} models");
            return Err(CatalogError { path: "estimate_margin".to_owned(), problem });
        }
        let mut margins = ResolverBuilder::default();
        for (name, margin) in raw.0 {
            let problem = |error: tollgate_names::NameError| error.to_string();
            margins
                .insert(&name, margin)
                .map_err(|error| CatalogError { path: format!("estimate_margin.{name:?}"), problem: problem(error) })?;
        }
        // Without aliases, there are no errors.
        let margins = margins.build();
        debug_assert!(margins.is_ok());
        Ok(Catalog { margins: margins.unwrap_or_default(), ..self })
    }

    /// Returns the margin to reserve on a count of a model's prompt: as configured, else that of its profile.
    #[must_use]
    pub fn margin(&self, model: &str) -> Margin {
        let configured = self.margins.find(self.resolve_alias(model)).or_else(|| self.margins.find(model));
        configured.copied().unwrap_or_else(|| self.profile(model).margin())
    }

    /// Returns the target of an alias, and any other name as it is. An alias of an alias is followed one step, like the routes
    /// of model-router, whose target is what the upstream is asked for.
    #[must_use]
    pub fn resolve_alias<'a>(&'a self, model: &'a str) -> &'a str {
        self.aliases.alias_target(model)
    }

    /// Returns the steps from a name to the alias that applies to it, and its target; none if the name is no alias.
    #[must_use]
    pub fn alias_steps<'a>(&'a self, model: &'a str) -> Vec<Step<'a>> {
        self.aliases.steps(model)
    }

    /// Returns the counting profile of a model, by its name or an alias.
    #[must_use]
    pub fn profile(&self, model: &str) -> Profile {
        let upstream = self.resolve_alias(model);
        let profile = Profile::of(upstream);
        match self.tokenizers.find(upstream).or_else(|| self.tokenizers.find(model)) {
            Some(tokenizer) => profile.with_tokenizer(tokenizer.clone()),
            None => profile,
        }
    }
}

fn validated_aliases(raw: RawAliases) -> Result<Resolver, CatalogError> {
    if raw.0.len() > MAX_ALIASES {
        let problem = format!("at most {MAX_ALIASES} aliases");
        return Err(CatalogError { path: "aliases".to_owned(), problem });
    }
    let refuse =
        |name: &str, problem: &str| CatalogError { path: format!("aliases.{name:?}"), problem: problem.to_owned() };
    let mut aliases = ResolverBuilder::default();
    for (name, target) in raw.0 {
        aliases.alias(&name, &target).map_err(|error| refuse(&name, error.problem()))?;
    }
    aliases.build().map_err(|errors| match errors.first() {
        Some(first) => refuse(&first.name, first.error.problem()),
        None => CatalogError { path: "aliases".to_owned(), problem: "invalid".to_owned() },
    })
}

fn loaded_tokenizers(raw: Vec<RawTokenizer>) -> Result<Resolver<Tokenizer>, CatalogError> {
    if raw.len() > MAX_TOKENIZERS {
        let problem = format!("at most {MAX_TOKENIZERS} tokenizers");
        return Err(CatalogError { path: "tokenizers".to_owned(), problem });
    }
    let mut tokenizers = ResolverBuilder::default();
    for (place, raw) in raw.into_iter().enumerate() {
        let refuse =
            |field: &str, problem: String| CatalogError { path: format!("tokenizers[{place}].{field}"), problem };
        let tokenizer = load(raw.table).map_err(|problem| refuse("table", problem))?;
        if let Some(name) = raw.name
            && name != tokenizer.name()
        {
            return Err(refuse("name", format!("the table was compiled as `{}`", tokenizer.name())));
        }
        if raw.models.is_empty() {
            return Err(refuse("models", "must not be empty: the tokenizer would never be used".to_owned()));
        }
        for (at, model) in raw.models.iter().enumerate() {
            let inserted = tokenizers.insert(model, tokenizer.clone());
            inserted.map_err(|error| refuse(&format!("models[{at}]"), error.to_string()))?;
        }
    }
    // Without aliases, there are no errors.
    let tokenizers = tokenizers.build();
    debug_assert!(tokenizers.is_ok());
    Ok(tokenizers.unwrap_or_default())
}

thread_local! {
    /// Weak references to the loaded tables; a table lives as long as one of its users.
    static LOADED: RefCell<Vec<crate::tokenizer::WeakTokenizer>> = const { RefCell::new(Vec::new()) };
}

/// Loads the tokenizer of a base64 table, or returns a loaded one with the same bytes.
fn load(text: String) -> Result<Tokenizer, String> {
    if text.len() / 4 > MAX_TABLE_BYTES / 3 {
        return Err(format!("more than {MAX_TABLE_BYTES} bytes"));
    }
    const WRITER: &str = "use the output of `tollgate tokenizer compile --format yaml`";
    if let Some(at) = text.bytes().position(|byte| !is_base64(byte)) {
        return Err(format!("not base64, at byte {at} of the text: {WRITER}"));
    }
    let bytes = decoded(text.into_bytes()).ok_or_else(|| format!("not base64, or truncated: {WRITER}"))?;
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

/// Returns `true` if the byte may occur in base64 text, including white space.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || matches!(byte, b'+' | b'/' | b'=')
}

/// Decodes base64 in place: a second buffer would double the memory, which a wasm module never gives back. White space
/// is ignored, since YAML folds long text; padding is optional, and nothing may follow it.
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

/// Magic bytes of a gzip file (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Decompresses a gzipped table. The size field at the end of the file allows a single allocation.
fn inflated(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let size = bytes.last_chunk().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    if size > MAX_TABLE_BYTES {
        return Err(format!("more than {MAX_TABLE_BYTES} bytes"));
    }
    let mut table = Vec::with_capacity(size);
    let limits = InflateLimits { max_bytes: MAX_TABLE_BYTES, max_ratio: usize::MAX, ..InflateLimits::default() };
    let mut inflater = Inflater::new(ContentEncoding::Gzip, limits);
    let pushed = bytes.chunks(2 << 10).try_for_each(|piece| inflater.push(piece, &mut table));
    pushed.and_then(|()| inflater.finish()).map(|()| table).map_err(|error| error.to_string())
}

/// Returns the unused quarter of the text's memory to the allocator.
fn shrunk(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.shrink_to_fit();
    bytes
}

#[cfg(test)]
mod tests;
