//! Incremental counting of a long piece: a run of letters, numbers, signs or white space.
//!
//! The piece is read character by character, as the patterns would match it, and the undecided part is tracked: for
//! upper case, the end of the piece if no lower case follows; for white space, the last line end and the last
//! character. Only the bytes that [`IncrementalMerge`] needs are kept.

use crate::Tokenizer;
use crate::merge::IncrementalMerge;
use crate::pretokenizer::class::{self, Class, Set};
use crate::pretokenizer::{BoundaryRules, contraction};
use crate::vocabulary::Vocabulary;

/// Long piece whose end has not arrived yet.
#[derive(Clone, Debug)]
pub(super) struct LongPiece {
    rules: BoundaryRules,
    state: State,
    /// Merge result of the whole piece.
    whole: IncrementalMerge,
    /// Number of tokens up to the position where the piece ends unless a later character extends it.
    mark: Option<u64>,
    /// Merge result of the characters after the mark.
    rest: IncrementalMerge,
    /// Number of characters after the mark, or in total without one.
    chars: usize,
    /// Last character.
    last: [u8; 4],
    last_len: usize,
    /// Bytes that may become a contraction.
    pending: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// One character before a run of letters, or a space before numbers or signs.
    Before(Run),
    /// `[UPPER]*` of `[UPPER]*[LOWER]+|[UPPER]+[LOWER]*`.
    Upper,
    /// `[LOWER]+` of the same.
    Lower,
    /// `\p{L}+`
    Letters,
    /// `\p{N}+`
    Numbers,
    /// `[^\s\p{L}\p{N}]+`
    Signs,
    /// Bytes that may follow signs.
    AfterSigns,
    /// White space.
    Spaces,
    /// After letters, while a contraction is undecided.
    Contraction,
}

/// Run that may follow a single character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Letters,
    Numbers,
    Signs,
}

/// Effect of a character on the piece.
pub(super) enum Progress {
    /// The piece continues.
    Continues,
    /// The piece has ended.
    Ended {
        /// Number of tokens of the ended piece.
        tokens: u64,
        /// Characters after the piece; the last is the one that was passed.
        rest: Vec<u8>,
    },
}

impl LongPiece {
    /// Returns the long piece at the start of `text`; `None` if it cannot be one.
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

    /// Appends the next character.
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
                self.state = State::Contraction;
                self.pending.extend_from_slice(char);
            }
            State::Spaces => return self.end_of_spaces(char),
            State::Contraction => return self.contraction(vocabulary, char),
            _ => return Progress::Ended { tokens: self.ended(), rest: char.to_vec() },
        }
        Progress::Continues
    }

    /// Returns the number of tokens of the piece and its pending bytes if nothing follows.
    pub(super) fn count(&self, tokenizer: &Tokenizer) -> u64 {
        match self.state {
            State::Spaces if self.rules.whole_end => self.whole.count(),
            _ => self.ended() + tokenizer.count(std::str::from_utf8(&self.pending).unwrap_or_default()),
        }
    }

    /// Returns the number of tokens up to the last character, if the piece ends at the mark.
    fn ended(&self) -> u64 {
        self.mark.map_or_else(|| self.whole.count(), |mark| mark + self.rest.count())
    }

    /// Appends a character to the piece.
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

    /// Marks the current position as the end of the piece unless a later character extends it.
    fn set_mark(&mut self) {
        self.mark = Some(self.whole.count());
        self.rest.clear();
        self.chars = 0;
    }

    /// Returns `true` if the character may follow signs.
    fn is_after(&self, char: &[u8]) -> bool {
        matches!(char, [byte] if self.rules.after_signs.contains(byte))
    }

    /// Ends white space before its last character, with which the next piece may start, if there is one after the last
    /// line end.
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

    /// Appends a character after an apostrophe, and decides whether it is a contraction.
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
