//! A piece that is longer than can be looked at again and again: a run of letters, numbers, signs or white space.
//!
//! It is read character by character, as the patterns would, and what can still change is known at any time: of upper
//! case, where the piece ends if no lower case follows; of white space, the last line end and the last character. Of the
//! text itself only what [`IncrementalMerge`] keeps is there.

use crate::Tokenizer;
use crate::merge::IncrementalMerge;
use crate::pretokenizer::class::{self, Class, Set};
use crate::pretokenizer::{BoundaryRules, contraction};
use crate::vocabulary::Vocabulary;

/// A long piece.
#[derive(Clone, Debug)]
pub(super) struct LongPiece {
    rules: BoundaryRules,
    state: State,
    /// The piece from its beginning.
    whole: IncrementalMerge,
    /// Tokens up to where it ends if nothing comes that makes it longer, and what follows from there.
    mark: Option<u64>,
    rest: IncrementalMerge,
    /// Characters after the mark, or of all, and the last one.
    chars: usize,
    last: [u8; 4],
    last_len: usize,
    /// What may become a contraction.
    pending: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The character that a run of letters may begin with, or the space that one of numbers or signs may.
    Before(Run),
    /// `[UPPER]*` of `[UPPER]*[LOWER]+|[UPPER]+[LOWER]*`.
    Upper,
    /// `[LOWER]+` of it.
    Lower,
    /// `\p{L}+`
    Letters,
    /// `\p{N}+`
    Numbers,
    /// `[^\s\p{L}\p{N}]+`
    Signs,
    /// What may follow it.
    AfterSigns,
    /// White space.
    Spaces,
    /// After letters, before a contraction is decided on.
    Ended,
}

/// What may follow one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Letters,
    Numbers,
    Signs,
}

/// What a character did.
pub(super) enum Progress {
    /// The piece goes on.
    Continues,
    /// It has ended.
    Ended {
        /// Tokens of what has ended.
        tokens: u64,
        /// What comes after it: some characters, the last of which is the one that was given.
        rest: Vec<u8>,
    },
}

impl LongPiece {
    /// The long piece that `text` begins with; `None` if it cannot be one.
    pub(super) fn begin(rules: BoundaryRules, text: &[u8]) -> Option<LongPiece> {
        let (first, second) = class::at(text, 0)?;
        let (next, _) = class::at(text, second)?;
        let letters = if rules.cased { Set::WORD } else { Set::LETTER };
        let run = if rules.cased { State::Upper } else { State::Letters };
        let is_space = text.first() == Some(&b' ');
        let state = if !rules.cased && contraction(text, 0) > 0 {
            return None;
        } else if !rules.cased && first.is_letter() {
            run
        } else if next.is_in(letters) && if rules.any_prefix { first.is_in(Set::PREFIX) } else { is_space } {
            State::Before(Run::Letters)
        } else if first.is_in(letters) {
            run
        } else if first == Class::NUMBER {
            if !rules.numbers {
                return None;
            }
            State::Numbers
        } else if is_space && rules.numbers && next == Class::NUMBER {
            State::Before(Run::Numbers)
        } else if is_space && next.is_in(Set::SYMBOL) {
            State::Before(Run::Signs)
        } else if first.is_in(Set::SYMBOL) {
            State::Signs
        } else {
            State::Spaces
        };
        Some(LongPiece {
            rules,
            state,
            whole: IncrementalMerge::default(),
            mark: None,
            rest: IncrementalMerge::default(),
            chars: 0,
            last: [0; 4],
            last_len: 0,
            pending: Vec::new(),
        })
    }

    /// Takes the next character.
    pub(super) fn push(&mut self, vocabulary: &Vocabulary<'_>, class: Class, char: &[u8]) -> Progress {
        match self.state {
            State::Before(run) => {
                self.state = match run {
                    Run::Letters if self.rules.cased => State::Upper,
                    Run::Letters => State::Letters,
                    Run::Numbers => State::Numbers,
                    Run::Signs => State::Signs,
                };
                self.take(vocabulary, char);
            }
            State::Upper if class.is_in(Set::UPPER) => {
                self.take(vocabulary, char);
                if class != Class::UPPER {
                    self.set_mark();
                }
            }
            State::Upper | State::Lower if class.is_in(Set::LOWER) => {
                self.state = State::Lower;
                self.mark = None;
                self.take(vocabulary, char);
            }
            State::Letters if class.is_letter() => self.take(vocabulary, char),
            State::Numbers if class == Class::NUMBER => self.take(vocabulary, char),
            State::Signs if class.is_in(Set::SYMBOL) => self.take(vocabulary, char),
            State::Signs | State::AfterSigns if self.is_after(char) => {
                self.state = State::AfterSigns;
                self.take(vocabulary, char);
            }
            State::Spaces if class.is_space() => {
                self.take(vocabulary, char);
                if class == Class::LINE_END && self.rules.line_ends {
                    self.set_mark();
                }
            }
            State::Upper | State::Lower if self.rules.contractions && char == b"'" => {
                self.state = State::Ended;
                self.pending.extend_from_slice(char);
            }
            State::Spaces => return self.end_of_spaces(char),
            State::Ended => return self.contraction(vocabulary, char),
            _ => return Progress::Ended { tokens: self.ended(), rest: char.to_vec() },
        }
        Progress::Continues
    }

    /// How many tokens the text from the beginning of the piece is, if nothing follows.
    pub(super) fn count(&self, tokenizer: &Tokenizer) -> u64 {
        match self.state {
            State::Spaces if self.rules.whole_end => self.whole.count(),
            _ => self.ended() + tokenizer.count(std::str::from_utf8(&self.pending).unwrap_or_default()),
        }
    }

    /// Tokens of what is there, if it ends where it ends.
    fn ended(&self) -> u64 {
        self.mark.map_or_else(|| self.whole.count(), |mark| mark + self.rest.count())
    }

    fn take(&mut self, vocabulary: &Vocabulary<'_>, char: &[u8]) {
        self.whole.push(vocabulary, char);
        if self.mark.is_some() {
            self.rest.push(vocabulary, char);
        }
        self.chars += 1;
        if let Some(last) = self.last.get_mut(..char.len()) {
            last.copy_from_slice(char);
            self.last_len = char.len();
        }
    }

    fn set_mark(&mut self) {
        self.mark = Some(self.whole.count());
        self.rest.clear();
        self.chars = 0;
    }

    fn is_after(&self, char: &[u8]) -> bool {
        matches!(char, [byte] if self.rules.after_signs.contains(byte))
    }

    /// All but the last character, which the next piece may begin with, if there is one after the last line end.
    fn end_of_spaces(&self, char: &[u8]) -> Progress {
        let last = self.last.get(..self.last_len).unwrap_or_default();
        let (tokens, has_last) = match (self.mark, self.chars) {
            (Some(mark), 0) => (mark, false),
            (Some(mark), _) => (mark + self.rest.before(self.last_len), true),
            (None, 1) => (self.whole.count(), false),
            (None, _) => (self.whole.before(self.last_len), true),
        };
        let rest = if has_last { [last, char].concat() } else { char.to_vec() };
        Progress::Ended { tokens, rest }
    }

    fn contraction(&mut self, vocabulary: &Vocabulary<'_>, char: &[u8]) -> Progress {
        self.pending.extend_from_slice(char);
        let taken = contraction(&self.pending, 0);
        if taken == 0 && matches!(self.pending.as_slice(), [_, b'l' | b'L' | b'v' | b'V' | b'r' | b'R']) {
            return Progress::Continues;
        }
        let mut rest = std::mem::take(&mut self.pending);
        let after = rest.split_off(taken);
        let last = if self.mark.is_some() { &mut self.rest } else { &mut self.whole };
        last.push(vocabulary, &rest);
        Progress::Ended { tokens: self.ended(), rest: after }
    }
}
