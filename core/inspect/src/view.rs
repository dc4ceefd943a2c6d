//! Views: texts derived from a text, in which rules find what the text hides.
//!
//! A view is a function of the text alone. It keeps the way back to the text ([`Derived::source`]): matches in a view are
//! reported and redacted where they are in the text. A view is derived only if a rule of the direction asks for it, and only if
//! the text has a sign of what the view reveals.

mod ciphers;
mod decoded;
mod derived;
mod fold_table;
mod folded;
mod hidden;
mod letters;
mod signs;

pub(crate) use derived::Derived;
pub(crate) use folded::{Fold, fold};
pub(crate) use letters::canonical;

use serde::Deserialize;
use signs::Signs;

/// View of a text that a rule searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Text as it is.
    Raw,
    /// Text without invisible characters and combining marks, with letters that look like ASCII replaced by it (fullwidth,
    /// mathematical, Cyrillic, accented ones), and each run of white space as one space or line break. Case is kept.
    Folded,
    /// Only the letters and digits of the folded text, in lower case: `i g n o r e`, `ig**no**re` and `1gn0re` are `ignore`. Digits
    /// and signs that stand for letters are these letters, and `l` is `i`.
    Letters,
    /// Folded text in which encoded parts are decoded: HTML entities, percent-encoding, escapes of JavaScript and JSON,
    /// quoted-printable, base64, base32, hexadecimal, binary and decimal codes, Morse code, up to three times. Markup inside of
    /// words is removed. A text that names a simple cipher is deciphered.
    Decoded,
    /// Text that is not displayed, or displayed in another order: tag characters, variation selectors, invisible operators,
    /// parts behind a right-to-left override.
    Hidden,
}

impl View {
    /// All views, in the order in which a text is searched.
    pub(crate) const ALL: [View; 5] = [View::Raw, View::Folded, View::Letters, View::Decoded, View::Hidden];

    /// Returns `raw`, `folded`, `letters`, `decoded` or `hidden`.
    pub fn name(self) -> &'static str {
        match self {
            View::Raw => "raw",
            View::Folded => "folded",
            View::Letters => "letters",
            View::Decoded => "decoded",
            View::Hidden => "hidden",
        }
    }
}

/// Set of views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ViewSet(u8);

impl ViewSet {
    /// Only the text as it is.
    pub(crate) const RAW: ViewSet = ViewSet(1 << View::Raw as u8);
    /// Views whose patterns are folded.
    pub(crate) const FOLDED: ViewSet =
        ViewSet(1 << View::Folded as u8 | 1 << View::Decoded as u8 | 1 << View::Hidden as u8);
    /// Only the letters.
    pub(crate) const LETTERS: ViewSet = ViewSet(1 << View::Letters as u8);

    /// Returns `true` if the view is in the set.
    pub(crate) fn has(self, view: View) -> bool {
        self.0 >> view as u8 & 1 != 0
    }

    /// Returns `true` if the sets have no view in common.
    pub(crate) fn is_disjoint(self, other: ViewSet) -> bool {
        self.0 & other.0 == 0
    }

    /// Returns the views in both sets.
    pub(crate) fn and(self, other: ViewSet) -> ViewSet {
        ViewSet(self.0 & other.0)
    }

    /// Returns the views in one of the sets.
    pub(crate) fn or(self, other: ViewSet) -> ViewSet {
        ViewSet(self.0 | other.0)
    }

    /// Returns the views in this set only.
    fn without(self, other: ViewSet) -> ViewSet {
        ViewSet(self.0 & !other.0)
    }

    /// Returns the views of a rule that differ from an earlier one of it only where something was folded or decoded. It is searched
    /// for in them around these parts.
    pub(crate) fn repeated(self) -> ViewSet {
        let before =
            |views: ViewSet, view: View| if self.is_disjoint(views) { ViewSet::default() } else { view.into() };
        let folded = before(ViewSet::RAW, View::Folded);
        folded.or(before(ViewSet::RAW.or(View::Folded.into()), View::Decoded)).and(self)
    }

    /// Returns `true` if the set has several views.
    pub(crate) fn has_several(self) -> bool {
        self.0.count_ones() > 1
    }
}

impl From<View> for ViewSet {
    fn from(view: View) -> ViewSet {
        ViewSet(1 << view as u8)
    }
}

impl FromIterator<View> for ViewSet {
    fn from_iter<I: IntoIterator<Item = View>>(views: I) -> ViewSet {
        ViewSet(views.into_iter().fold(0, |set, view| set | 1 << view as u8))
    }
}

/// Views that rules search.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// Views of all rules.
    pub(crate) all: ViewSet,
    /// Views that are searched as a whole for some rule: see [`ViewSet::repeated`].
    pub(crate) whole: ViewSet,
}

impl Wanted {
    /// Only the text as it is.
    pub(crate) const RAW: Wanted = Wanted { all: ViewSet::RAW, whole: ViewSet::RAW };

    /// Returns the views of a rule.
    pub(crate) fn of(views: ViewSet) -> Wanted {
        Wanted { all: views, whole: views.without(views.repeated()) }
    }

    /// Returns these views and others.
    pub(crate) fn or(self, other: Wanted) -> Wanted {
        Wanted { all: self.all.or(other.all), whole: self.whole.or(other.whole) }
    }
}

/// Calls `each` with the texts of the views in `wanted` other than the text itself, in the order of [`View::ALL`], until it
/// returns `false`. A folded text in which no more than white space differs is derived only for rules that search it as a whole.
pub(crate) fn each_derived(text: &str, wanted: Wanted, mut each: impl FnMut(View, &Derived<'_>) -> bool) {
    let Wanted { all: wanted, whole } = wanted;
    if wanted.is_disjoint(ViewSet::FOLDED.or(ViewSet::LETTERS)) {
        return;
    }
    let signs = Signs::of(text);
    let needs_folded = if signs.is_plain() { whole } else { wanted }.has(View::Folded);
    if needs_folded || wanted.has(View::Letters) {
        let folded = folded::of(text, signs);
        if needs_folded && !each(View::Folded, &folded) {
            return;
        }
        if wanted.has(View::Letters)
            && let Some(letters) = letters::of(&folded)
            && !each(View::Letters, &letters)
        {
            return;
        }
    }
    if wanted.has(View::Decoded) {
        if let Some(decoded) = decoded::of(text)
            && !each(View::Decoded, &decoded)
        {
            return;
        }
        if !ciphers::each(text, signs, |deciphered| each(View::Decoded, deciphered)) {
            return;
        }
    }
    if wanted.has(View::Hidden)
        && signs.has_non_ascii()
        && let Some(hidden) = hidden::of(text)
    {
        each(View::Hidden, &hidden);
    }
}

#[cfg(test)]
mod tests;
