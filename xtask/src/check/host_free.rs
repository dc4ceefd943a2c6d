//! The core's sources name no clock, file, network, environment, thread or process.
//!
//! A core that reads the clock cannot be tested by handing it a time, and one that opens a file cannot run in Envoy. The
//! sources are cut into tokens, so comments and text do not count, and neither do items and modules under `#[cfg(test)]`.

use std::fs;
use std::path::{Path, PathBuf};

use tollgate_testbed::{Context, Result, workspace};

use super::directions;

/// Modules of `std` that are a host.
const MODULES: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// Types that read a clock, whatever path they are named by.
const CLOCKS: &[&str] = &["Instant", "SystemTime"];

/// What in the core's sources is against that, `<file>:<line>: <what>`.
pub(super) fn violations() -> Result<Vec<String>> {
    let mut files = Vec::new();
    // Build scripts, tests and benchmarks stand beside `src` and may do as they like.
    for entry in entries(&directions::core_dir())? {
        let source = entry.join("src");
        if source.is_dir() {
            sources(&source, &mut files)?;
        }
    }
    files.sort();
    let mut found = Vec::new();
    for (path, text) in without_test_modules(files) {
        let shown = path.strip_prefix(workspace::root()).unwrap_or(&path).display();
        found.extend(hosts(&text).into_iter().map(|(line, what)| format!("{shown}:{line}: {what} in the core")));
    }
    Ok(found)
}

/// Every Rust file below `dir`.
fn sources(dir: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<()> {
    for path in entries(dir)? {
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
            files.push((path, text));
        }
    }
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    entries.context(|| format!("cannot read {}", dir.display()))
}

/// Without the files of modules that another declares as `#[cfg(test)] mod name;`.
fn without_test_modules(mut files: Vec<(PathBuf, String)>) -> Vec<(PathBuf, String)> {
    let mut tests = Vec::new();
    for (path, text) in &files {
        let inside = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") => path.parent().map(Path::to_owned),
            _ => Some(path.with_extension("")),
        };
        let names = test_modules(text);
        tests.extend(
            inside.into_iter().flat_map(|dir| names.iter().map(move |name| dir.join(name)).collect::<Vec<_>>()),
        );
    }
    files
        .retain(|(path, _)| !tests.iter().any(|module| path.with_extension("") == *module || path.starts_with(module)));
    files
}

/// Names of the modules that a source declares for tests only.
fn test_modules(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let declared = tokens.windows(TEST_MARK.len() + 3).filter_map(|window| {
        let texts: Vec<&str> = window.iter().map(|token| token.text).collect();
        match texts.strip_prefix(&TEST_MARK)? {
            ["mod", name, ";"] => Some((*name).to_owned()),
            _ => None,
        }
    });
    declared.collect()
}

/// `#[cfg(test)]`
const TEST_MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

/// What a source names of a host, with the line.
fn hosts(source: &str) -> Vec<(usize, String)> {
    let tokens = outside_of_tests(tokens(source));
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text);
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        if CLOCKS.contains(&token.text) {
            found.push((token.line, token.text.to_owned()));
        }
        // `std::fs`, and `fs` in `std::{fs, ..}`.
        if token.text != "std" || text(i + 1) != "::" {
            continue;
        }
        if MODULES.contains(&text(i + 2)) {
            found.push((token.line, format!("std::{}", text(i + 2))));
        } else if text(i + 2) == "{" {
            let mut depth = 0_usize;
            for (j, inner) in tokens.iter().enumerate().skip(i + 2) {
                match inner.text {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    name if depth == 1 && MODULES.contains(&name) && matches!(text(j - 1), "{" | ",") => {
                        found.push((inner.line, format!("std::{name}")));
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
    }
    found
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Token<'a> {
    line: usize,
    text: &'a str,
}

/// Without the items that stand under `#[cfg(test)]`.
fn outside_of_tests(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut kept = Vec::new();
    let mut rest = tokens.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if !rest.iter().map(|token| token.text).take(TEST_MARK.len()).eq(TEST_MARK) {
            kept.push(*first);
            rest = after;
            continue;
        }
        // To the end of the item: its `;`, or the `}` that closes its body.
        let mut depth = 0_i64;
        let mut end = rest.len();
        for (i, token) in rest.iter().enumerate().skip(TEST_MARK.len()) {
            match token.text {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(token.text, ";" | "}") {
                end = i + 1;
                break;
            }
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    kept
}

/// Names and punctuation of a Rust source; comments, literals and lifetimes are left out.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = string(rest) {
            length
        } else if first == '\'' {
            character(rest)
        } else if first == '_' || first.is_alphanumeric() {
            let length = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
            tokens.push(Token { line, text: rest.get(..length).unwrap_or_default() });
            length
        } else if rest.starts_with("::") {
            tokens.push(Token { line, text: "::" });
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(Token { line, text: rest.get(..first.len_utf8()).unwrap_or_default() });
            }
            first.len_utf8()
        };
        let (taken, after) = rest.split_at_checked(length.max(1)).unwrap_or((rest, ""));
        line += taken.bytes().filter(|byte| *byte == b'\n').count();
        rest = after;
    }
    tokens
}

/// Length of a block comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut i = 0;
    while let Some(pair) = bytes.get(i..i + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                i += 1;
                continue;
            }
        }
        i += 2;
        if depth == 0 {
            return i;
        }
    }
    text.len()
}

/// Length of a string literal of any kind, if one begins here.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        let after = text.strip_prefix(prefix).unwrap_or_default();
        after.starts_with('"')
            || (prefix.ends_with('r') && after.trim_start_matches('#').starts_with('"') && after != text)
    })?;
    let after = text.get(prefix.len()..)?;
    if prefix.ends_with('r') {
        let hashes = after.len() - after.trim_start_matches('#').len();
        let open = prefix.len() + hashes + 1;
        let close = format!("\"{}", "#".repeat(hashes));
        let body = text.get(open..)?;
        return Some(body.find(&close).map_or(text.len(), |at| open + at + close.len()));
    }
    let open = prefix.len() + 1;
    let mut escaped = false;
    for (i, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(i + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// Length of a character literal, or of the quote of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            let _ = chars.next();
            chars.find(|(_, c)| *c == '\'').map_or(1, |(i, _)| i + 1)
        }
        Some(_) => match chars.next() {
            Some((i, '\'')) => i + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_core_is_free_of_hosts() {
        assert_eq!(violations().unwrap(), [""; 0]);
    }

    #[test]
    fn whatever_names_a_host_is_found() {
        for (source, expected) in [
            ("use std::time::Instant;", "Instant"),
            ("use std::time::{Duration, SystemTime};", "SystemTime"),
            ("fn f() { let t = ::std::time::Instant::now(); }", "Instant"),
            ("use std::fs;", "std::fs"),
            ("use std :: fs :: File;", "std::fs"),
            ("use std::{collections::BTreeMap, net::TcpStream};", "std::net"),
            ("use std::{\n    env,\n};", "std::env"),
            ("fn f() { std::thread::spawn(|| ()); }", "std::thread"),
            ("fn f() { std::process::exit(1); }", "std::process"),
            ("const Q: char = '\"'; use std::fs; const R: char = '\"';", "std::fs"),
            ("const Q: char = '\\''; use std::fs; const R: char = '\\'';", "std::fs"),
            ("fn f<'a>(x: &'a str) { std::env::var(x); }", "std::env"),
            ("const X: &str = r#\"\"\"#; use std::fs; const Y: &str = r#\"\"\"#;", "std::fs"),
            ("#[cfg(test)]\nmod tests { fn f() {} }\nuse std::fs;", "std::fs"),
            ("#[cfg(test)]\nmod tests;\nuse std::fs;", "std::fs"),
        ] {
            let found = hosts(source);
            assert_eq!(found.iter().map(|(_, what)| what.as_str()).collect::<Vec<_>>(), [expected], "{source}");
        }
    }

    #[test]
    fn files_of_test_modules_do_not_count() {
        let host = "use std::fs;";
        let kept = |files: &[(&str, &str)]| {
            let files = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
            without_test_modules(files).into_iter().map(|(path, _)| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            kept(&[
                ("src/lib.rs", "mod a;\n#[cfg(test)]\nmod races;"),
                ("src/races.rs", host),
                ("src/races/deeper.rs", host),
                ("src/a.rs", "#[cfg(test)] mod tests; mod races;"),
                ("src/a/tests.rs", host),
                ("src/a/races.rs", host),
                ("src/tests.rs", host),
            ]),
            ["src/lib.rs", "src/a.rs", "src/a/races.rs", "src/tests.rs"]
        );
    }

    #[test]
    fn the_line_is_the_one_it_stands_in() {
        assert_eq!(hosts("/* a\nb */\n\"c\nd\";\nuse std::{\n  fs};"), [(6, "std::fs".to_owned())]);
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for source in [
            "// use std::fs;",
            "/* /* */ use std::fs; */",
            "//! std::time::Instant is not used here",
            "const X: &str = \"std::fs \\\" std::net\";",
            "const X: &str = r##\"std::fs\"# std::net\"##;",
            "const X: &[u8] = b\"std::fs\";",
            "use std::time::Duration;",
            "use std::{collections::{BTreeMap, btree_map::Entry}, io::Read};",
            "use mystd::fs; use crate::env;",
            "#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn f() { std::env::var(\"}\"); }\n}",
            "#[cfg(test)]\nuse std::fs;",
            "#[cfg(test)]\nfn f(a: [u8; 2]) -> u8 { std::process::exit(1) }",
        ] {
            assert_eq!(hosts(source), [], "{source}");
        }
    }
}
