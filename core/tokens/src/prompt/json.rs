//! A value of the body as a tree: for definitions of tools, whose shape decides what they cost.
//!
//! The body has been read strictly before, so what is here is lenient: what does not fit is left out, and what is too
//! large is no tree.

use tollgate_llm::{Span, Str};

/// Values of a tree; definitions of some thousand parameters.
const MAX_NODES: usize = 1 << 16;
/// Values within values.
const MAX_DEPTH: usize = 64;

/// A value and all that is in it.
pub(super) struct Tree<'b> {
    body: &'b [u8],
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    String,
    /// A number, a truth value or null.
    Word,
}

struct Node {
    kind: Kind,
    key: Option<Str>,
    /// All of it; of a string, what is between the quotes.
    span: Span,
    escaped: bool,
    first: Option<usize>,
    last: Option<usize>,
    next: Option<usize>,
}

/// A value of a tree.
#[derive(Clone, Copy)]
pub(super) struct Value<'t, 'b> {
    tree: &'t Tree<'b>,
    index: usize,
}

impl<'b> Tree<'b> {
    /// The value at `at`, white space before it left out.
    pub(super) fn read(body: &'b [u8], mut at: usize) -> Option<Tree<'b>> {
        let mut tree = Tree { body, nodes: Vec::new() };
        let mut open: Vec<usize> = Vec::new();
        let mut key = None;
        loop {
            let byte = *body.get(at)?;
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => {
                    at += 1;
                    continue;
                }
                b']' | b'}' => {
                    at += 1;
                    let closed = open.pop().and_then(|index| tree.nodes.get_mut(index))?;
                    closed.span.end = at;
                }
                b'"' => {
                    let (str, end) = string(body, at)?;
                    at = end;
                    let parent = open.last().and_then(|index| tree.nodes.get(*index));
                    if key.is_none() && parent.is_some_and(|parent| parent.kind == Kind::Object) {
                        key = Some(str);
                        continue;
                    }
                    tree.push(Kind::String, key.take(), str, open.last().copied())?;
                }
                b'{' | b'[' => {
                    let kind = if byte == b'{' { Kind::Object } else { Kind::Array };
                    let str = Str { span: Span::new(at, at), escaped: false };
                    let index = tree.push(kind, key.take(), str, open.last().copied())?;
                    if open.len() == MAX_DEPTH {
                        return None;
                    }
                    open.push(index);
                    at += 1;
                }
                _ => {
                    let rest = body.get(at..)?;
                    let len = rest.iter().position(|byte| b",]} \t\r\n".contains(byte)).unwrap_or(rest.len());
                    let str = Str { span: Span::new(at, at + len), escaped: false };
                    tree.push(Kind::Word, key.take(), str, open.last().copied())?;
                    at += len;
                }
            }
            if open.is_empty() {
                return Some(tree);
            }
        }
    }

    fn push(&mut self, kind: Kind, key: Option<Str>, str: Str, parent: Option<usize>) -> Option<usize> {
        let index = self.nodes.len();
        if index == MAX_NODES {
            return None;
        }
        let Str { span, escaped } = str;
        self.nodes.push(Node { kind, key, span, escaped, first: None, last: None, next: None });
        if let Some(parent) = parent {
            let before = self.nodes.get_mut(parent).and_then(|parent| {
                parent.first.get_or_insert(index);
                parent.last.replace(index)
            });
            if let Some(before) = before.and_then(|before| self.nodes.get_mut(before)) {
                before.next = Some(index);
            }
        }
        Some(index)
    }

    /// The value itself.
    pub(super) fn root(&self) -> Value<'_, 'b> {
        Value { tree: self, index: 0 }
    }
}

/// The string at `at` and where it ends.
fn string(body: &[u8], at: usize) -> Option<(Str, usize)> {
    let start = at + 1;
    let (mut end, mut escaped) = (start, false);
    loop {
        match body.get(end)? {
            b'"' => return Some((Str { span: Span::new(start, end), escaped }, end + 1)),
            b'\\' => {
                escaped = true;
                end += 2;
            }
            _ => end += 1,
        }
    }
}

impl<'t, 'b> Value<'t, 'b> {
    fn node(self) -> Option<&'t Node> {
        self.tree.nodes.get(self.index)
    }

    /// Where it stands.
    pub(super) fn span(self) -> Span {
        self.node().map_or(Span::new(0, 0), |node| node.span)
    }

    /// The elements of an array, or the values of an object.
    pub(super) fn values(self) -> impl Iterator<Item = Value<'t, 'b>> {
        let tree = self.tree;
        let first = self.node().and_then(|node| node.first);
        std::iter::successors(first, move |index| tree.nodes.get(*index)?.next).map(move |index| Value { tree, index })
    }

    /// The key that it is the value of.
    pub(super) fn key(self) -> Option<std::borrow::Cow<'b, str>> {
        Some(self.node()?.key?.decode(self.tree.body))
    }

    /// The value of a member; of several, which a strict reader has refused, the first.
    pub(super) fn get(self, key: &str) -> Option<Value<'t, 'b>> {
        let is_it = |value: &Value<'t, 'b>| {
            value.node().and_then(|node| node.key).is_some_and(|own| own.is(self.tree.body, key))
        };
        self.values().find(is_it)
    }

    /// Its text, if it is a string.
    pub(super) fn text(self) -> Option<std::borrow::Cow<'b, str>> {
        let node = self.node().filter(|node| node.kind == Kind::String)?;
        Some(Str { span: node.span, escaped: node.escaped }.decode(self.tree.body))
    }

    /// What it looks like, if it is a number, a truth value or null.
    pub(super) fn word(self) -> Option<&'b str> {
        let node = self.node().filter(|node| node.kind == Kind::Word)?;
        std::str::from_utf8(node.span.of(self.tree.body)).ok()
    }

    /// Whether it is an array.
    pub(super) fn is_array(self) -> bool {
        self.node().is_some_and(|node| node.kind == Kind::Array)
    }

    /// It as JSON without white space between the values.
    pub(super) fn compact(self) -> String {
        let json = self.span().of(self.tree.body);
        let (mut out, mut in_string, mut escape) = (Vec::with_capacity(json.len()), false, false);
        for &byte in json {
            if !in_string && byte.is_ascii_whitespace() {
                continue;
            }
            match byte {
                _ if escape => escape = false,
                b'\\' => escape = true,
                b'"' => in_string = !in_string,
                _ => {}
            }
            out.push(byte);
        }
        String::from_utf8(out).unwrap_or_default()
    }
}
