//! wasmtime with the WASI calls that a subject makes: arguments, standard input and output, clock and exit.

use std::time::Duration;

use tollgate_envoy_harness::Context;
use wasmtime::{Caller, Error, Linker, Memory, Result, Store};

/// Clock of a subject.
type BoxedClock = Box<dyn FnMut() -> std::result::Result<Duration, String>>;

/// Clock of a subject that is measured.
pub type Clock = fn() -> std::result::Result<Duration, String>;

/// Compiled subject.
#[derive(Clone)]
pub struct Module(wasmtime::Module);

/// Time that passes between two readings of the clock while instructions are counted. A subject that warms up for some time
/// does so once, in every run.
const TICK: Duration = Duration::from_secs(1);

/// More fuel than any run uses.
const FUEL: u64 = 1 << 62;

impl Module {
    /// Compiles a WebAssembly module from the bytes of its file.
    pub fn compile(bytes: &[u8]) -> tollgate_envoy_harness::Result<Module> {
        let module = wasmtime::Module::new(&wasmtime::Engine::default(), bytes);
        module.map(Module).context(|| "wasmtime does not compile the module".into())
    }

    /// Compiles a module whose instructions can be counted, see [`Module::instructions`].
    ///
    /// # Errors
    /// Bytes that are not a module.
    pub fn compile_counting(bytes: &[u8]) -> tollgate_envoy_harness::Result<Module> {
        let mut config = wasmtime::Config::new();
        config.consume_fuel(true);
        let compile = || wasmtime::Module::new(&wasmtime::Engine::new(&config)?, bytes);
        compile().map(Module).context(|| "wasmtime does not compile the module".into())
    }

    /// Runs a subject that was compiled for counting, and returns the instructions (units of wasmtime's fuel) of its run.
    ///
    /// The clock advances by one second per reading, so that every run takes the same path.
    ///
    /// # Errors
    /// A subject that fails.
    pub fn instructions(&self, arguments: &[&str], text: Vec<u8>) -> tollgate_envoy_harness::Result<u64> {
        let mut now = Duration::ZERO;
        let clock = Box::new(move || {
            now += TICK;
            Ok(now)
        });
        let run = self.start(World::new(arguments, text, clock), Some(FUEL)).map_err(|error| format!("{error:#}"));
        run.map(|(_, left)| FUEL - left).context(|| "in wasmtime".into())
    }

    /// Runs the subject with these arguments and this standard input, and returns its standard output.
    pub fn run(&self, arguments: &[&str], text: Vec<u8>, clock: Clock) -> tollgate_envoy_harness::Result<String> {
        // With the causes, which wasmtime does not show otherwise.
        let run = self.start(World::new(arguments, text, Box::new(clock)), None).map_err(|error| format!("{error:#}"));
        run.map(|(printed, _)| printed).context(|| "in wasmtime".into())
    }

    /// Runs the subject; returns its output and the fuel left.
    fn start(&self, world: World, fuel: Option<u64>) -> Result<(String, u64)> {
        let mut linker = Linker::new(self.0.engine());
        link(&mut linker)?;
        let mut store = Store::new(self.0.engine(), world);
        if let Some(fuel) = fuel {
            store.set_fuel(fuel)?;
        }
        let instance = linker.instantiate(&mut store, &self.0)?;
        let result = instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ());
        let left = if fuel.is_some() { store.get_fuel()? } else { 0 };
        let World { printed, code, .. } = store.into_data();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        match (result, code) {
            (Ok(()), _) | (Err(_), Some(0)) => Ok((printed, left)),
            (Err(_), Some(code)) => Err(Error::msg(format!("the subject ended with {code}: {printed}"))),
            (Err(error), None) => Err(error),
        }
    }
}

/// Inputs and output of a running subject.
struct World {
    arguments: Vec<u8>,
    count: u32,
    /// Standard input, and the number of bytes read from it.
    text: Vec<u8>,
    read: usize,
    clock: BoxedClock,
    printed: Vec<u8>,
    /// Exit code.
    code: Option<i32>,
}

impl World {
    fn new(arguments: &[&str], text: Vec<u8>, clock: BoxedClock) -> World {
        let all = ["subject"].iter().chain(arguments).flat_map(|argument| argument.bytes().chain([0])).collect();
        let count = arguments.len() as u32 + 1;
        World { arguments: all, count, text, read: 0, clock, printed: Vec::new(), code: None }
    }
}

/// WASI's `errno` for success.
const SUCCESS: i32 = 0;
/// WASI's `errno` for an unsupported operation.
const NOT_SUPPORTED: i32 = 58;

/// Module of the WASI functions.
const WASI: &str = "wasi_snapshot_preview1";

fn link(linker: &mut Linker<World>) -> Result<()> {
    link_arguments(linker)?;
    link_files(linker)?;
    linker.func_wrap(WASI, "clock_time_get", |mut caller: Caller<'_, World>, _: u32, _: u64, time: u32| {
        let now = (caller.data_mut().clock)().map_err(Error::msg)?;
        put(&mut caller, time, &(now.as_nanos() as u64).to_le_bytes())
    })?;
    linker.func_wrap(WASI, "proc_exit", |mut caller: Caller<'_, World>, code: i32| -> Result<()> {
        caller.data_mut().code = Some(code);
        Err(Error::msg("the subject has ended"))
    })?;
    Ok(())
}

/// Links the functions for the arguments, and for the environment, which is empty.
fn link_arguments(linker: &mut Linker<World>) -> Result<()> {
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
    Ok(())
}

/// Links the functions for standard input and output.
fn link_files(linker: &mut Linker<World>) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a subject that prints its second argument and its standard input.
    const ECHO: &str = r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (drop (call $sizes (i32.const 0) (i32.const 4)))
            (drop (call $args (i32.const 16) (i32.const 64)))
            ;; The first argument behind the name, without its end.
            (i32.store (i32.const 32) (i32.load (i32.const 20)))
            (i32.store (i32.const 36) (i32.const 2))
            (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 8)))
            (i32.store (i32.const 32) (i32.const 256))
            (i32.store (i32.const 36) (i32.const 100))
            (drop (call $read (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 36)))
            (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 8)))
            (drop (call $time (i32.const 2) (i64.const 0) (i32.const 48)))
            ;; The end says how many arguments there were and whether the clock was asked.
            (call $exit (i32.sub (i32.add (i32.load (i32.const 0)) (i32.load8_u (i32.const 48))) (i32.const 9)))))"#;

    #[test]
    fn a_subject_reads_its_inputs_and_its_output_is_returned() {
        let module = Module::compile(&wat::parse_str(ECHO).unwrap()).unwrap();
        assert_eq!(module.run(&["ab"], b"text".to_vec(), || Ok(Duration::from_nanos(7))).unwrap(), "abtext");
        let error = module.run(&["ab", "c"], Vec::new(), || Ok(Duration::from_nanos(7))).unwrap_err().to_string();
        assert!(error.contains("ended with 1: ab"), "{error}");
        let error = module.run(&["ab"], Vec::new(), || Err("no clock".to_owned())).unwrap_err().to_string();
        assert!(error.contains("no clock"), "{error}");
    }

    /// Returns a subject that reads the clock until ten seconds have passed.
    const WAIT: &str = r#"(module
        (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (loop $again
                (drop (call $time (i32.const 2) (i64.const 0) (i32.const 0)))
                (br_if $again (i64.lt_u (i64.load (i32.const 0)) (i64.const 10000000000))))))"#;

    #[test]
    fn instructions_are_the_same_in_every_run() {
        let module = Module::compile_counting(&wat::parse_str(WAIT).unwrap()).unwrap();
        let counts = [(); 3].map(|()| module.instructions(&[], Vec::new()).unwrap());
        assert!(counts[0] > 50, "{counts:?}");
        assert_eq!(counts, [counts[0]; 3]);
    }
}
