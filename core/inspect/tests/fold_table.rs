//! The table of folded characters is that of the Unicode data: normalisation (NFKD) and confusables (UTS 39).
//!
//! `TOLLGATE_WRITE=1 cargo test -p tollgate-inspect --test fold_table` writes it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads, and on demand writes, a source file")]

use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization;
use unicode_script::{Script, UnicodeScript};

/// Table that is checked in, and its path: cargo runs a test in the folder of its crate.
const CHECKED_IN: &str = include_str!("../src/view/fold_table.rs");
const PATH: &str = "src/view/fold_table.rs";
/// Number of characters of a page of the table.
const PAGE: u32 = 64;
/// Codes of the table below the first printable ASCII character.
const DROP: u8 = 1;
const SPACE: u8 = 2;
const MANY: u8 = 3;

/// Ignorable characters (`Default_Ignorable_Code_Point` of Unicode, annotations, C1 controls), the Arabic tatweel, and the blocks
/// of combining marks that Latin, Greek and Cyrillic letters carry.
const DROPPED: &[(u32, u32)] = &[
    (0x80, 0x84),
    (0x86, 0x9f),
    (0xad, 0xad),
    (0x300, 0x36f),
    (0x483, 0x489),
    (0x61c, 0x61c),
    (0x640, 0x640),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x20d0, 0x20ff),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
];

/// Look-alikes that the confusables lack, or of which they know another one.
const OVERRIDES: &[(&str, &str)] = &[
    ("кКκΚ", "kKkK"),
    ("тТτΤ", "tTtT"),
    ("мМΜ", "mMM"),
    ("вВΒ", "bBB"),
    ("нНΗη", "hHHn"),
    ("хХχΧ", "xXxX"),
    ("уУΥγ", "yYYy"),
    ("ωμεδι", "wuedi"),
    ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz"),
    ("“”„‟«»″‶", "\"\"\"\"\"\"\"\""),
];

fn ignorable(code: u32) -> bool {
    DROPPED.iter().any(|(from, to)| (*from..=*to).contains(&code))
}

fn without_marks(text: impl Iterator<Item = char>) -> String {
    text.filter(|c| !ignorable(*c as u32)).collect()
}

/// Returns the ASCII text that a character looks like.
fn ascii(c: char) -> Option<String> {
    for (from, to) in OVERRIDES {
        if let Some((_, to)) = from.chars().zip(to.chars()).find(|(own, _)| *own == c) {
            return Some(to.to_string());
        }
    }
    let letter = |first: u32| char::from_u32('A' as u32 + c as u32 - first).map(String::from);
    match c as u32 {
        0xdf => return Some("ss".to_owned()),
        0xe6 => return Some("ae".to_owned()),
        0xc6 => return Some("AE".to_owned()),
        0x1f150..=0x1f169 => return letter(0x1f150),
        0x1f170..=0x1f189 => return letter(0x1f170),
        0x1f1e6..=0x1f1ff => return letter(0x1f1e6),
        _ => {}
    }
    let compatible = without_marks(c.nfkd());
    if compatible.is_ascii() && !compatible.is_empty() {
        return Some(compatible);
    }
    let scripts = [
        Script::Common,
        Script::Latin,
        Script::Greek,
        Script::Cyrillic,
        Script::Armenian,
        Script::Cherokee,
        Script::Coptic,
        Script::Lisu,
    ];
    let text: String = compatible
        .chars()
        .map(|c| match ascii_override(c) {
            Some(own) => own,
            None if c.is_ascii() => c.to_string(),
            None if scripts.contains(&c.script()) => {
                without_marks(unicode_security::skeleton(c.encode_utf8(&mut [0; 4])))
            }
            None => c.to_string(),
        })
        .collect();
    let is_upper = c.is_uppercase() && text == "l";
    let text = if is_upper { "I".to_owned() } else { text };
    (text.is_ascii() && !text.is_empty()).then_some(text)
}

fn ascii_override(c: char) -> Option<String> {
    let pairs = OVERRIDES.iter().flat_map(|(from, to)| from.chars().zip(to.chars()));
    pairs.into_iter().find(|(own, _)| *own == c).map(|(_, to)| to.to_string())
}

/// Returns the code of a character in the table, and the text if it is longer than one character.
fn code(c: char) -> Option<(u8, Option<String>)> {
    if ignorable(c as u32) {
        return Some((DROP, None));
    }
    if c.is_whitespace() || c == '\u{2800}' {
        return Some((SPACE, None));
    }
    let text = ascii(c)?;
    match text.as_bytes() {
        [b' '] => Some((SPACE, None)),
        [byte @ 0x21..=0x7e] => Some((*byte, None)),
        bytes if bytes.iter().all(|byte| (0x20..=0x7e).contains(byte)) && bytes.len() <= 4 => Some((MANY, Some(text))),
        _ => None,
    }
}

fn table() -> String {
    let mut pages: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut many = Vec::new();
    for c in (0x80..=0x1ffff).filter_map(char::from_u32) {
        let Some((code, text)) = code(c) else { continue };
        let page = pages.entry(c as u32 / PAGE).or_insert_with(|| vec![0; PAGE as usize]);
        page[(c as u32 % PAGE) as usize] = code;
        many.extend(text.map(|text| (c, text)));
    }
    let mut out =
        "//! Table of folded characters, written by `tests/fold_table.rs` from the Unicode data.\n\n".to_owned();
    out += "/// Numbers of the pages in [`PAGES`], ascending.\n#[rustfmt::skip]\n";
    out += &format!("pub(super) const PAGE_NUMBERS: [u16; {}] = [\n", pages.len());
    for row in pages.keys().collect::<Vec<_>>().chunks(16) {
        out += &format!("    {},\n", row.iter().map(|page| page.to_string()).collect::<Vec<_>>().join(", "));
    }
    out += "];\n\n/// For each page, a byte for each of its characters: 0 if it is kept, 1 if it is dropped, 2 if it is white space, 3 if it\n";
    out += "/// is folded to several characters, else the ASCII character that it is folded to.\n#[rustfmt::skip]\n";
    out += &format!("pub(super) const PAGES: [&[u8; {PAGE}]; {}] = [\n", pages.len());
    for page in pages.values() {
        let text: String = page.iter().flat_map(|byte| std::ascii::escape_default(*byte).map(char::from)).collect();
        out += &format!("    b\"{}\",\n", text.replace("\\'", "'"));
    }
    out += "];\n\n/// Characters that are folded to several ones, ascending.\n#[rustfmt::skip]\n";
    out += &format!("pub(super) const MANY: [(char, &str); {}] = [\n", many.len());
    for (c, text) in many {
        out += &format!("    ('\\u{{{:x}}}', {text:?}),\n", c as u32);
    }
    out + "];\n"
}

#[test]
fn the_table_is_up_to_date() {
    let table = table();
    if std::env::var_os("TOLLGATE_WRITE").is_some() {
        std::fs::write(PATH, &table).unwrap();
        return;
    }
    assert!(CHECKED_IN == table, "write the table with TOLLGATE_WRITE=1");
}
