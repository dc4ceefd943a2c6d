//! JSON value of the body as a tree: for tool definitions, whose structure determines their cost.
//!
//! The body was validated before, so this parser is lenient: it skips malformed input, and rejects values that are too
//! large.

use tollgate_llm::{Span, Str};

/// Maximum number of values in a tree: enough for definitions of some thousand parameters.
const MAX_NODES: usize = 1 << 16;
/// Maximum nesting depth.
const MAX_DEPTH: usize = 64;

/// Parsed value with everything in it.
pub(super) struct Tree<'b> {
    body: &'b [u8],
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeKind {
    Object,
    Array,
    String,
    /// A number, boolean or null.
    Word,
}

struct Node {
    kind: NodeKind,
    key: Option<Str>,
    /// Byte range of the value; of a string, without its quotes.
    span: Span,
    escaped: bool,
    first: Option<usize>,
    last: Option<usize>,
    next: Option<usize>,
}

/// Reference to a value of a tree.
#[derive(Clone, Copy)]
pub(super) struct Value<'t, 'b> {
    tree: &'t Tree<'b>,
    index: usize,
}

impl<'b> Tree<'b> {
    /// Parses the value at `at`, after optional white space.
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
                    if key.is_none() && parent.is_some_and(|parent| parent.kind == NodeKind::Object) {
                        key = Some(str);
                        continue;
                    }
                    tree.push(NodeKind::String, key.take(), str, open.last().copied())?;
                }
                b'{' | b'[' => {
                    let kind = if byte == b'{' { NodeKind::Object } else { NodeKind::Array };
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
                    tree.push(NodeKind::Word, key.take(), str, open.last().copied())?;
                    at += len;
                }
            }
            if open.is_empty() {
                return Some(tree);
            }
        }
    }

    /// Appends a value; `None` if the tree is full.
    fn push(&mut self, kind: NodeKind, key: Option<Str>, str: Str, parent: Option<usize>) -> Option<usize> {
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

    /// Returns the root value.
    pub(super) fn root(&self) -> Value<'_, 'b> {
        Value { tree: self, index: 0 }
    }
}

/// Returns the string at `at` and its end.
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

    /// Returns the byte range of the value.
    pub(super) fn span(self) -> Span {
        self.node().map_or(Span::new(0, 0), |node| node.span)
    }

    /// Returns the elements of an array, or the values of an object.
    pub(super) fn values(self) -> impl Iterator<Item = Value<'t, 'b>> {
        let tree = self.tree;
        let first = self.node().and_then(|node| node.first);
        std::iter::successors(first, move |index| tree.nodes.get(*index)?.next).map(move |index| Value { tree, index })
    }

    /// Returns the key of the value, if it is an object's member.
    pub(super) fn key(self) -> Option<std::borrow::Cow<'b, str>> {
        Some(self.node()?.key?.decode(self.tree.body))
    }

    /// Returns the value of a member; the first of duplicates, which the strict parser has refused.
    pub(super) fn get(self, key: &str) -> Option<Value<'t, 'b>> {
        let is_it = |value: &Value<'t, 'b>| {
            value.node().and_then(|node| node.key).is_some_and(|own| own.is(self.tree.body, key))
        };
        self.values().find(is_it)
    }

    /// Returns the text of a string.
    pub(super) fn text(self) -> Option<std::borrow::Cow<'b, str>> {
        let node = self.node().filter(|node| node.kind == NodeKind::String)?;
        Some(Str { span: node.span, escaped: node.escaped }.decode(self.tree.body))
    }

    /// Returns the literal of a number, boolean or null.
    pub(super) fn word(self) -> Option<&'b str> {
        let node = self.node().filter(|node| node.kind == NodeKind::Word)?;
        std::str::from_utf8(node.span.of(self.tree.body)).ok()
    }

    /// Returns `true` for an array.
    pub(super) fn is_array(self) -> bool {
        self.node().is_some_and(|node| node.kind == NodeKind::Array)
    }

    /// Returns the value as JSON without white space between tokens.
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
        let compact = String::from_utf8(out);
        debug_assert!(compact.is_ok(), "the body is UTF-8");
        compact.unwrap_or_default()
    }
}
