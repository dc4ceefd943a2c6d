//! Corpora of about two megabytes each, from files that a Debian machine has.

use std::path::{Path, PathBuf};

use tollgate_envoy_harness::{Context, Result};
use tollgate_workspace as workspace;

/// Byte length of a corpus.
const SIZE: usize = 2_000_000;
/// Minimum byte length of a corpus; less is not meaningful.
const LEAST: usize = 200_000;

/// Corpus in a file.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
}

/// Writes those corpora to a directory of which this machine has enough text.
pub(crate) fn write(directory: &Path) -> Result<Vec<Corpus>> {
    let mut corpora = Vec::new();
    for (name, text) in all(workspace::root()) {
        if text.len() < LEAST {
            println!("(This machine has too little text for {name}.)\n");
            continue;
        }
        let path = directory.join(name.replace(' ', "-"));
        // Envoy passes the text to a module in an environment variable, which cannot hold a NUL.
        std::fs::write(&path, text.replace('\0', " ")).context(|| path.display().to_string())?;
        corpora.push(Corpus { name, path });
    }
    Ok(corpora)
}

/// Returns the corpora: English, code, many languages, JSON.
fn all(root: &Path) -> [(&'static str, String); 4] {
    let registry = std::env::var_os("CARGO_HOME")
        .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"), PathBuf::from);
    let registry = registry.join("registry/src");
    let is_prose = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("LICENSE") || name.ends_with(".md") || name.ends_with(".txt") || !name.contains('.')
    };
    let english = gather(&["/usr/share/common-licenses", "/usr/share/doc"].map(PathBuf::from), &is_prose, false);
    let is_code = |path: &Path| {
        let code = ["rs", "py", "js", "c", "h"];
        path.extension().is_some_and(|own| code.iter().any(|code| own == *code))
    };
    let code = gather(&[root.join("core"), registry], &is_code, false);
    let languages =
        gather(&["/usr/share/locale".into()], &|path| path.extension().is_some_and(|own| own == "mo"), true);
    let json = json(&english, &languages);
    [("English", english), ("code", code), ("many languages", languages), ("JSON", json)]
}

/// Concatenates files below some directories, in a mixed but fixed order, until there is enough text.
fn gather(roots: &[PathBuf], wanted: &dyn Fn(&Path) -> bool, is_catalogue: bool) -> String {
    let mut paths = Vec::new();
    for root in roots {
        below(root, wanted, 6, &mut paths);
    }
    // The order is fixed on a machine, but does not follow the directories.
    paths.sort_by_key(|path| {
        let name = path.to_string_lossy();
        name.bytes().fold(7_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    });
    let mut text = String::new();
    for path in paths {
        let Ok(bytes) = std::fs::read(path) else { continue };
        let part = if is_catalogue { catalogue(&bytes) } else { String::from_utf8(bytes).unwrap_or_default() };
        text.extend(part.chars().take(40_000));
        if text.len() >= SIZE {
            break;
        }
    }
    text.truncate(text.floor_char_boundary(SIZE));
    text
}

/// Collects the files below a directory.
fn below(directory: &Path, wanted: &dyn Fn(&Path) -> bool, depth: usize, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        match path.symlink_metadata() {
            Ok(data) if data.is_dir() && depth > 0 => below(&path, wanted, depth - 1, out),
            Ok(data) if data.is_file() && (1_000..500_000).contains(&data.len()) && wanted(&path) => out.push(path),
            _ => {}
        }
    }
}

/// Extracts the translations of a GNU gettext catalogue (its manual, "The Format of GNU MO Files").
fn catalogue(bytes: &[u8]) -> String {
    let number = |at: usize| {
        let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
        four.map_or(0, |four| u32::from_le_bytes(*four) as usize)
    };
    let (count, table) = (number(8).min(100_000), number(16));
    let mut text = String::new();
    for entry in (1..count).map(|index| table + 8 * index) {
        let (len, start) = (number(entry), number(entry + 4));
        if let Some(Ok(part)) = bytes.get(start..start + len).map(std::str::from_utf8)
            && len > 30
        {
            text.push_str(part);
            text.push('\n');
        }
    }
    text
}

/// Generates chat requests and tool calls with these texts.
fn json(english: &str, languages: &str) -> String {
    let mut out = String::new();
    let (mut english, mut languages) = (english, languages);
    for number in 0.. {
        let from = if number % 3 == 2 { &mut languages } else { &mut english };
        let (text, rest) = from.split_at(from.floor_char_boundary(200 + number * 37 % 1500));
        *from = rest;
        if out.len() >= SIZE || text.is_empty() {
            break;
        }
        let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
        out += &match number % 3 {
            0 => format!(
                "{{\"model\":\"gpt-4o\",\"messages\":[{{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"}},{{\"role\":\"user\",\"content\":\"{text}\"}}],\"temperature\":0.7,\"stream\":true}}\n"
            ),
            1 => format!(
                "{{\n  \"id\": \"call_{number:08x}\",\n  \"type\": \"function\",\n  \"function\": {{\n    \"name\": \"search_documents\",\n    \"arguments\": {{\"query\": \"{text}\", \"limit\": {number}, \"lang\": [\"en\", \"de\"]}}\n  }}\n}}\n"
            ),
            _ => format!(
                "{{\"id\":\"chatcmpl-{number:024x}\",\"object\":\"chat.completion.chunk\",\"created\":17000{number:05},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n"
            ),
        };
    }
    out
}
