//! The few calls of WASI that the subject makes: arguments, a clock, standard output and an end.

use std::time::Instant;

use wasmtime::{Caller, Error, Linker, Memory, Result};

/// What a running subject is given, and what it has printed.
pub(crate) struct World {
    args: Vec<u8>,
    count: u32,
    start: Instant,
    /// Standard output.
    pub(crate) printed: Vec<u8>,
    /// The code that it has ended with.
    pub(crate) code: Option<i32>,
}

impl World {
    pub(crate) fn new(args: &[&str]) -> World {
        let all: Vec<u8> = ["subject"].iter().chain(args).flat_map(|arg| arg.bytes().chain([0])).collect();
        World { args: all, count: args.len() as u32 + 1, start: Instant::now(), printed: Vec::new(), code: None }
    }
}

/// `errno` of WASI for success.
const SUCCESS: i32 = 0;
/// `errno` of WASI for what is not there.
const NOT_SUPPORTED: i32 = 58;

pub(crate) fn link(linker: &mut Linker<World>) -> Result<()> {
    const WASI: &str = "wasi_snapshot_preview1";
    linker.func_wrap(WASI, "args_sizes_get", |mut caller: Caller<'_, World>, count: u32, bytes: u32| {
        let (number, len) = (caller.data().count, caller.data().args.len() as u32);
        put(&mut caller, count, &number.to_le_bytes())?;
        put(&mut caller, bytes, &len.to_le_bytes())
    })?;
    linker.func_wrap(WASI, "args_get", |mut caller: Caller<'_, World>, pointers: u32, bytes: u32| {
        let args = caller.data().args.clone();
        put(&mut caller, bytes, &args)?;
        let mut begins = vec![0];
        begins.extend(args.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at as u32 + 1));
        begins.pop();
        let pointed: Vec<u8> = begins.iter().flat_map(|begin| (bytes + begin).to_le_bytes()).collect();
        put(&mut caller, pointers, &pointed)
    })?;
    linker.func_wrap(WASI, "environ_sizes_get", |mut caller: Caller<'_, World>, count: u32, bytes: u32| {
        put(&mut caller, count, &[0; 4])?;
        put(&mut caller, bytes, &[0; 4])
    })?;
    linker.func_wrap(WASI, "environ_get", |_: u32, _: u32| SUCCESS)?;
    linker.func_wrap(WASI, "clock_time_get", |mut caller: Caller<'_, World>, _: u32, _: u64, time: u32| {
        let nanoseconds = caller.data().start.elapsed().as_nanos() as u64;
        put(&mut caller, time, &nanoseconds.to_le_bytes())
    })?;
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
