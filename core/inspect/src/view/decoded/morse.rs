//! Morse code.

use super::Encoded;

/// Minimum number of letters in a row: `...` and `- -` are punctuation.
const MIN_LETTERS: usize = 6;
/// Minimum number of different characters: a line of dots or a table has fewer.
const MIN_DISTINCT: usize = 4;
/// Longest letter, in marks.
const MAX_MARKS: usize = 6;
/// Longest separator of letters.
const MAX_SEPARATOR: usize = 4;

const LETTERS: [(&[u8], char); 41] = [
    (b".-", 'a'),
    (b"-...", 'b'),
    (b"-.-.", 'c'),
    (b"-..", 'd'),
    (b".", 'e'),
    (b"..-.", 'f'),
    (b"--.", 'g'),
    (b"....", 'h'),
    (b"..", 'i'),
    (b".---", 'j'),
    (b"-.-", 'k'),
    (b".-..", 'l'),
    (b"--", 'm'),
    (b"-.", 'n'),
    (b"---", 'o'),
    (b".--.", 'p'),
    (b"--.-", 'q'),
    (b".-.", 'r'),
    (b"...", 's'),
    (b"-", 't'),
    (b"..-", 'u'),
    (b"...-", 'v'),
    (b".--", 'w'),
    (b"-..-", 'x'),
    (b"-.--", 'y'),
    (b"--..", 'z'),
    (b"-----", '0'),
    (b".----", '1'),
    (b"..---", '2'),
    (b"...--", '3'),
    (b"....-", '4'),
    (b".....", '5'),
    (b"-....", '6'),
    (b"--...", '7'),
    (b"---..", '8'),
    (b"----.", '9'),
    (b"--..--", ','),
    (b".-.-.-", '.'),
    (b"..--..", '?'),
    (b"---...", ':'),
    (b"-....-", '-'),
];

/// Returns `true` for a dot or dash.
pub(super) fn is_mark(byte: u8) -> bool {
    matches!(byte, b'.' | b'-')
}

/// Decodes letters at the beginning of `rest`. `None` if there are too few. A long list of other marks is kept as a whole, so that
/// it is read once.
pub(super) fn decode(rest: &[u8]) -> Option<Encoded> {
    let (mut text, mut letters) = (String::new(), 0);
    let (mut at, mut end) = (0, 0);
    while let Some((len, c)) = letter(rest.get(at..)?) {
        text.push(c);
        letters += 1;
        end = at + len;
        let behind = rest.get(end..)?;
        let separator = behind.iter().take(MAX_SEPARATOR).take_while(|byte| matches!(byte, b' ' | b'/' | b'|')).count();
        if separator == 0 {
            break;
        }
        let between = behind.get(..separator)?;
        if separator > 2 || between.contains(&b'/') || between.contains(&b'|') {
            text.push(' ');
        }
        at = end + separator;
    }
    let mut distinct: Vec<char> = text.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if letters < MIN_LETTERS {
        return None;
    }
    let is_text = distinct.len() >= MIN_DISTINCT;
    Some(Encoded { len: end, text: is_text.then(|| text.trim_end().to_owned()), reveals: true })
}

/// Returns the letter at the beginning of `rest`, and its length.
fn letter(rest: &[u8]) -> Option<(usize, char)> {
    let len = rest.iter().take(MAX_MARKS + 1).take_while(|byte| is_mark(**byte)).count();
    let marks = rest.get(..len)?;
    LETTERS.iter().find(|(own, _)| *own == marks).map(|(_, c)| (len, *c))
}
