//! The few calls of WASI that the subject makes: arguments, standard input and output, a clock and an end.

use wasmtime::{Caller, Error, Linker, Memory, Result};

use crate::clock;

/// What a running subject is given, and what it has printed.
pub(crate) struct World {
    arguments: Vec<u8>,
    count: u32,
    /// Standard input, and how much of it was read.
    text: Vec<u8>,
    read: usize,
    printed: Vec<u8>,
    code: Option<i32>,
}

impl World {
    pub(crate) fn new(arguments: &[&str], text: Vec<u8>) -> World {
        let all = ["subject"].iter().chain(arguments).flat_map(|argument| argument.bytes().chain([0])).collect();
        World { arguments: all, count: arguments.len() as u32 + 1, text, read: 0, printed: Vec::new(), code: None }
    }

    /// What it has printed, and the code that it has ended with, if it said one.
    pub(crate) fn end(self) -> (String, Option<i32>) {
        (String::from_utf8_lossy(&self.printed).into_owned(), self.code)
    }
}

/// `errno` of WASI for success.
const SUCCESS: i32 = 0;
/// `errno` of WASI for what is not there.
const NOT_SUPPORTED: i32 = 58;

pub(crate) fn link(linker: &mut Linker<World>) -> Result<()> {
    const WASI: &str = "wasi_snapshot_preview1";
    linker.func_wrap(WASI, "args_sizes_get", |mut caller: Caller<'_, World>, count: u32, bytes: u32| {
        let (number, len) = (caller.data().count, caller.data().arguments.len() as u32);
        put(&mut caller, count, &number.to_le_bytes())?;
        put(&mut caller, bytes, &len.to_le_bytes())
    })?;
    linker.func_wrap(WASI, "args_get", |mut caller: Caller<'_, World>, pointers: u32, bytes: u32| {
        let arguments = caller.data().arguments.clone();
        put(&mut caller, bytes, &arguments)?;
        let ends = arguments.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at as u32 + 1);
        let begins = [0].into_iter().chain(ends).take(caller.data().count as usize);
        let pointed: Vec<u8> = begins.flat_map(|begin| (bytes + begin).to_le_bytes()).collect();
        put(&mut caller, pointers, &pointed)
    })?;
    linker.func_wrap(WASI, "environ_sizes_get", |mut caller: Caller<'_, World>, count: u32, bytes: u32| {
        put(&mut caller, count, &[0; 4])?;
        put(&mut caller, bytes, &[0; 4])
    })?;
    linker.func_wrap(WASI, "environ_get", |_: u32, _: u32| SUCCESS)?;
    linker.func_wrap(WASI, "clock_time_get", |mut caller: Caller<'_, World>, _: u32, _: u64, time: u32| {
        let now = clock::now().map_err(Error::msg)?;
        put(&mut caller, time, &(now.as_nanos() as u64).to_le_bytes())
    })?;
    linker.func_wrap(
        WASI,
        "fd_read",
        |mut caller: Caller<'_, World>, file: u32, vectors: u32, count: u32, read: u32| {
            let mut total: u32 = 0;
            for number in 0..if file == 0 { count } else { 0 } {
                let begin = word(&mut caller, vectors + 8 * number)?;
                let len = word(&mut caller, vectors + 8 * number + 4)?;
                let World { text, read, .. } = caller.data_mut();
                let rest = text.get(*read..).unwrap_or_default();
                let part = rest.get(..len as usize).unwrap_or(rest).to_vec();
                *read += part.len();
                total += part.len() as u32;
                put(&mut caller, begin, &part)?;
            }
            put(&mut caller, read, &total.to_le_bytes())
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_write",
        |mut caller: Caller<'_, World>, file: u32, vectors: u32, count: u32, written: u32| {
            if !matches!(file, 1 | 2) {
                return Ok(NOT_SUPPORTED);
            }
            let mut total: u32 = 0;
            for number in 0..count {
                let begin = word(&mut caller, vectors + 8 * number)?;
                let len = word(&mut caller, vectors + 8 * number + 4)?;
                let mut bytes = vec![0; len as usize];
                memory(&mut caller)?.read(&mut caller, begin as usize, &mut bytes)?;
                caller.data_mut().printed.extend_from_slice(&bytes);
                total += len;
            }
            put(&mut caller, written, &total.to_le_bytes())
        },
    )?;
    linker.func_wrap(WASI, "proc_exit", |mut caller: Caller<'_, World>, code: i32| -> Result<()> {
        caller.data_mut().code = Some(code);
        Err(Error::msg("the subject has ended"))
    })?;
    Ok(())
}

fn memory(caller: &mut Caller<'_, World>) -> Result<Memory> {
    let memory = caller.get_export("memory").and_then(wasmtime::Extern::into_memory);
    memory.ok_or_else(|| Error::msg("the subject has no memory"))
}

fn put(caller: &mut Caller<'_, World>, at: u32, bytes: &[u8]) -> Result<i32> {
    memory(caller)?.write(&mut *caller, at as usize, bytes)?;
    Ok(SUCCESS)
}

fn word(caller: &mut Caller<'_, World>, at: u32) -> Result<u32> {
    let mut bytes = [0; 4];
    memory(caller)?.read(&mut *caller, at as usize, &mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}
