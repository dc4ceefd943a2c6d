//! Measured operations: counting a text, counting a stream, and a first count.

use std::hint::black_box;
use std::time::Duration;

use tollgate_tokens::{Encoding, StreamCounter};

use crate::{clock, memory};

/// Returns the encoding with that name.
pub(crate) fn encoding(name: &str) -> Result<Encoding, String> {
    Encoding::from_name(name).ok_or_else(|| format!("unknown encoding: {name}"))
}

/// Warm-up time before a measurement. V8 recompiles hot code in the background, which takes some tenths of a second
/// that should not be measured.
const WARM: Duration = Duration::from_millis(500);

/// Runs a function until it is warm, at least twice.
fn warm(run: impl Fn() -> u64) -> Result<(), String> {
    let start = clock::now()?;
    loop {
        black_box((run(), run()));
        if clock::now()? - start >= WARM {
            return Ok(());
        }
    }
}

/// Number of parts in which the second half of a text is counted: over several runs each part can find a quiet moment,
/// which the whole text seldom does.
const PARTS: usize = 8;

/// Prints bytes and tokens of the second half of a text, and the CPU seconds of each of its parts.
pub(crate) fn count(library: &str, name: &str, text: &str) -> Result<(), String> {
    let (known, mut fresh) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let count = counter(library, name)?;
    warm(|| count(known))?;
    let (bytes, mut tokens, mut seconds) = (fresh.len(), 0, String::new());
    for left in (1..=PARTS).rev() {
        let (part, rest) = fresh.split_at(fresh.floor_char_boundary(fresh.len() / left));
        let start = clock::now()?;
        tokens += count(part);
        seconds += &format!(" {}", (clock::now()? - start).as_secs_f64());
        fresh = rest;
    }
    println!("{bytes} {tokens}{seconds}");
    Ok(())
}

/// A separate function, since V8 uses recompiled code from the next call on: code inlined into a caller that is called
/// once would stay in its first, unoptimized form.
#[inline(never)]
fn tollgate(encoding: Encoding, text: &str) -> u64 {
    encoding.count(text)
}

type Counter = Box<dyn Fn(&str) -> u64>;

/// Returns the counting function of a library.
fn counter(library: &str, name: &str) -> Result<Counter, String> {
    let own = encoding(name)?;
    if library == "tollgate" {
        return Ok(Box::new(move |text| tollgate(own, text)));
    }
    #[cfg(all(feature = "compare", not(target_family = "wasm")))]
    {
        let failed = |error: &dyn std::fmt::Display| format!("{library}: {error}");
        let is_o200k = own == Encoding::O200kBase;
        match library {
            "tiktoken-rs" => {
                let bpe = if is_o200k { tiktoken_rs::o200k_base() } else { tiktoken_rs::cl100k_base() };
                let bpe = bpe.map_err(|error| failed(&error))?;
                return Ok(Box::new(move |text| bpe.encode_ordinary(text).len() as u64));
            }
            "tiktoken-fast" => {
                let bpe = if is_o200k { tiktoken_fast::o200k_base() } else { tiktoken_fast::cl100k_base() };
                let bpe = bpe.map_err(|error| failed(&error))?;
                return Ok(Box::new(move |text| bpe.encode_ordinary(text).len() as u64));
            }
            "bpe-openai" => {
                let bpe = if is_o200k { bpe_openai::o200k_base() } else { bpe_openai::cl100k_base() };
                return Ok(Box::new(move |text| bpe.count(text) as u64));
            }
            _ => {}
        }
    }
    Err(format!("unknown library: {library}"))
}

/// Prints deltas, CPU seconds and tokens of pushing the second half of a text four bytes at a time, with the count
/// after each push.
pub(crate) fn stream(name: &str, text: &[u8]) -> Result<(), String> {
    let (known, fresh) = text.split_at_checked(text.len() / 2).unwrap_or((text, &[]));
    let encoding = encoding(name)?;
    let push = |text: &[u8]| pushed(encoding, text);
    warm(|| push(known))?;
    let start = clock::now()?;
    let tokens = push(fresh);
    let seconds = (clock::now()? - start).as_secs_f64();
    println!("{} {seconds} {tokens}", fresh.len() / 4);
    Ok(())
}

/// A separate function, as [`tollgate`] is.
#[inline(never)]
fn pushed(encoding: Encoding, text: &[u8]) -> u64 {
    let mut counter = StreamCounter::new(encoding);
    for delta in text.chunks(4) {
        counter.push(delta);
        black_box(counter.count());
    }
    counter.count()
}

/// Prints the bytes of memory before and after a first count, and its tokens.
pub(crate) fn start() -> Result<(), String> {
    let before = memory::linear();
    let tokens = black_box(Encoding::O200kBase).count(black_box("hello world"));
    println!("{before} {} {tokens}", memory::linear());
    Ok(())
}
