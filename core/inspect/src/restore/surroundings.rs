//! Text in front of a placeholder: values are not restored where displaying the text, or following a link in it, may send them.

/// Reads a text and knows whether its end is in a URL, in the target of a link or image in markdown, or in a tag of HTML.
///
/// It errs on the side of these: a placeholder that stays does no harm.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    place: Place,
    /// Last 16 bytes, in lower case; other characters than ASCII are 0xff.
    recent: u128,
    run: Run,
    /// `true` behind the begin of a tag whose content may send what it contains: scripts build addresses, forms have fields.
    is_active: bool,
}

/// Characters without white space that may be a URL.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    is_url: bool,
    /// Quote in front of the run, which also ends it.
    quote: Option<char>,
    /// `true` if it may end with the name of a host: letters, digits and a dot.
    is_host: bool,
}

/// Place of the next character.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Text,
    /// Tag of HTML or address in angle brackets, up to `>`. A quote begins only behind `=`.
    Tag { quote: Option<char>, is_value: bool },
    /// Target of a link or image in markdown.
    Target(Target),
}

#[derive(Clone, Copy, Debug)]
struct Target {
    /// `true` for `[name]: target`, which ends with white space; else `](target)`.
    is_definition: bool,
    is_begun: bool,
    /// `true` in angle brackets.
    in_brackets: bool,
    is_escaped: bool,
    /// Number of open parentheses in the target.
    depth: u32,
}

impl Surroundings {
    /// Returns `true` if a placeholder that begins here stays.
    pub(super) fn keep(&self) -> bool {
        self.is_active || !matches!(self.place, Place::Text) || self.run.is_url || self.run.is_host
    }

    /// Reads the next piece of the text.
    pub(super) fn read(&mut self, piece: &str) {
        piece.chars().for_each(|c| self.step(c));
    }

    fn step(&mut self, c: char) {
        let before = self.recent as u8;
        let byte = if c.is_ascii() { c.to_ascii_lowercase() as u8 } else { 0xff };
        self.recent = self.recent << 8 | u128::from(byte);
        self.is_active |= matches!(self.place, Place::Tag { .. })
            && ACTIVE_TAGS.into_iter().any(|tag| self.recent.to_be_bytes().ends_with(tag));
        match &mut self.place {
            Place::Text => {
                self.run.step(c, before, self.recent);
                self.place = self.opened(c, before);
            }
            Place::Tag { quote: Some(open), .. } if *open != c => {}
            Place::Tag { quote: Some(_), .. } => self.place = Place::Tag { quote: None, is_value: false },
            Place::Tag { .. } if c == '>' => self.leave(),
            Place::Tag { quote, is_value } => match c {
                '"' | '\'' if *is_value => *quote = Some(c),
                '=' => *is_value = true,
                _ => *is_value &= c.is_ascii_whitespace(),
            },
            Place::Target(target) => {
                if target.ends_with(c) {
                    self.leave();
                }
            }
        }
    }

    /// Returns the place that begins with the character `c`.
    fn opened(&self, c: char, before: u8) -> Place {
        let target = |is_definition| {
            let (is_begun, in_brackets, is_escaped, depth) = Default::default();
            Place::Target(Target { is_definition, is_begun, in_brackets, is_escaped, depth })
        };
        match (before, c) {
            (b']', '(') => target(false),
            (b']', ':') => target(true),
            (b'<', 'a'..='z' | 'A'..='Z' | '/' | '!' | '?') => Place::Tag { quote: None, is_value: false },
            _ => Place::Text,
        }
    }

    fn leave(&mut self) {
        self.place = Place::Text;
        self.run = Run::default();
    }
}

impl Target {
    /// Returns `true` if the target ends with the character `c`.
    fn ends_with(&mut self, c: char) -> bool {
        if std::mem::take(&mut self.is_escaped) {
            return false;
        }
        match c {
            '\\' => self.is_escaped = true,
            '<' if !self.is_begun => self.in_brackets = true,
            '>' if self.in_brackets => {
                self.in_brackets = false;
                self.is_begun = true;
                return self.is_definition;
            }
            // A line break may precede the target, but not be in it.
            '\n' if self.is_begun => return true,
            _ if self.in_brackets => {}
            '(' => self.depth = self.depth.saturating_add(1),
            ')' if self.depth > 0 => self.depth -= 1,
            ')' if !self.is_definition => return true,
            c if c.is_ascii_whitespace() => return self.is_definition && self.is_begun,
            _ => {}
        }
        self.is_begun |= !c.is_ascii_whitespace();
        false
    }
}

/// Tags of active content.
const ACTIVE_TAGS: [&[u8]; 7] = [b"<script", b"<style", b"<form", b"<textarea", b"<iframe", b"<svg", b"<object"];

/// Beginnings of URLs. Two slashes of either kind begin one without a scheme.
const BEGINNINGS: [&[u8]; 10] =
    [b"http:", b"https:", b"ftp:", b"file:", b"mailto:", b"www.", b"//", b"\\\\", b"/\\", b"\\/"];

impl Run {
    /// Reads the character `c`, the last one of `recent`.
    fn step(&mut self, c: char, before: u8, recent: u128) {
        if c.is_ascii_whitespace() {
            *self = Run::default();
        } else if self.is_url {
            // GitHub's markdown reads on behind a quotation mark.
            if c == '<' || c == '`' && self.quote == Some(c) {
                *self = Run::default();
            }
        } else if matches!(c, '"' | '\'' | '`' | '<') {
            *self = Run { quote: Some(if c == '<' { '>' } else { c }), ..Run::default() };
        } else if BEGINNINGS.into_iter().any(|begin| recent.to_be_bytes().ends_with(begin)) {
            self.is_url = true;
        } else if before == b'&' && (c.is_ascii_alphanumeric() || c == '#') {
            // A character reference: `https&colon;&sol;&sol;example.com`.
            self.is_url = true;
        } else {
            match c {
                // The address of a page without a scheme: `example.com/a`.
                '/' | '?' | '#' | '\\' if self.is_host => self.is_url = true,
                c if c.is_alphanumeric() => self.is_host |= before == b'.',
                // Of names, ports and addresses.
                '.' | ':' | '-' | '_' | '@' | '%' => {}
                _ => self.is_host = false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_from_which_a_value_could_be_sent() {
        for (before, keeps) in [
            ("", false),
            ("Write to ", false),
            ("mail:", false),
            ("key=", false),
            ("spring.datasource.password=", false),
            ("(", false),
            ("**", false),
            ("[", false),
            ("![", false),
            ("{\"mail\":\"", false),
            ("{\"file\":\"a.b\",\"path\":\"/x\",\"mail\":\"", false),
            ("a < b and ", false),
            ("See https://example.com/a for ", false),
            ("See <https://example.com/a> ", false),
            ("<b>", false),
            ("<a href=\"https://example.com\">", false),
            ("[docs](https://example.com) and ", false),
            ("[docs](https://example.com): ", false),
            ("`https://example.com/a`", false),
            ("the <scripted> <b>text</b> ", true),
            ("bob <", false),
            ("End of it. ", false),
            ("and/or/", false),
            // URLs.
            ("https://example.com/?q=", true),
            ("HTTPS://example.com/?q=", true),
            ("https://", true),
            ("https:/\\example.com/", true),
            ("//example.com/?", true),
            ("\\\\example.com\\share\\", true),
            ("www.example.com?", true),
            ("example.com/a/", true),
            ("example.com:8080/", true),
            ("a@example.com?subject=", true),
            ("mailto:a@example.com?body=", true),
            ("example.com.", true),
            ("example.com:", true),
            ("https&colon;&sol;&sol;example.com&sol;?q=", true),
            ("https&#58;&#47;&#47;example&period;com", true),
            ("https://example.com/?a=(b)&c=\"", true),
            ("\"https://example.com/?a=b&c=", true),
            ("https://example.com/\u{a0}", true),
            ("url(https://example.com/?", true),
            ("{\"url\":\"https://example.com/a\",\"mail\":\"", true),
            ("\"https://example.com/?q=\"", true),
            // Targets.
            ("[click](", true),
            ("![x](/a?b=", true),
            ("![x](\nhttps://example.com/?b=", true),
            ("![x](<https://example.com/?b= ", true),
            ("![x](<a)b ", true),
            ("![x](a\\)b", true),
            ("![x](a(b)c", true),
            ("[x]: ", true),
            ("[x]:\n  https&colon;&sol;&sol;example.com&sol;", true),
            ("[x]: https://example.com/ and ", false),
            // Tags.
            ("<img src=", true),
            ("<img src=\"", true),
            ("<img alt=\">\" src=\"https&colon;&sol;&sol;example.com&sol;?", true),
            ("<img \" alt=\">\" src=\"/a?", true),
            ("<img alt='>' src = '", true),
            ("<img\nsrc='x?\n\n", true),
            ("<https://example.com/?a=", true),
            ("<a href='x'", true),
            ("<script>new Image().src=\"https://example.com/?q=\" + \"", true),
            ("<FORM action=x><textarea name=q>", true),
            ("<style>a { background: url(\\2f\\2f a) } ", true),
        ] {
            let mut surroundings = Surroundings::default();
            surroundings.read(before);
            assert_eq!(surroundings.keep(), keeps, "{before:?}");
        }
    }
}
