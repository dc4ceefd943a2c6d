//! The backend of the `log` crate: Envoy's log, at Envoy's level.

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::abi;

struct Logger;

static LOGGER: Logger = Logger;

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true // `log`'s own maximum level decides before the record is made
    }

    fn log(&self, record: &Record<'_>) {
        abi::log(number(record.level()), &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Returns the ABI's number of a level. A number outside 0..=5 aborts Envoy.
fn number(level: Level) -> u32 {
    match level {
        Level::Trace => 0,
        Level::Debug => 1,
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    }
}

/// Installs the logger and the panic hook; once per virtual machine.
pub(crate) fn install() {
    // Fails if a plugin of the same module has installed it before.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(LevelFilter::Info);
    // The default hook prints the panic's message, which may quote content (a string sliced out of bounds quotes the string).
    // Only the source location may be logged.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        abi::log(5, &format!("tollgate: internal error{place}; this worker's VM is lost"));
    }));
}

/// Adopts Envoy's level for this plugin's component (`--log-level`, `/logging?wasm=debug`).
pub(crate) fn adopt_host_level() {
    let level = match abi::log_level() {
        Ok(0) => LevelFilter::Trace,
        Ok(1) => LevelFilter::Debug,
        Ok(3) => LevelFilter::Warn,
        Ok(4 | 5) => LevelFilter::Error,
        _ => LevelFilter::Info,
    };
    log::set_max_level(level);
}
