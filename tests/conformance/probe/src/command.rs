//! Commands of a script: one host call each, by short names.
//!
//! | command | host call |
//! |---|---|
//! | `get MAP NAME`, `set MAP NAME VALUE`, `add MAP NAME VALUE`, `remove MAP NAME` | one header; `set` replaces |
//! | `pairs MAP`, `count MAP`, `mapsize MAP`, `setpairs MAP N=V…` | a whole map; `count` returns only the number of pairs |
//! | `buffer BUFFER [START [LENGTH]]`, `bufstatus BUFFER`, `put BUFFER START LENGTH TEXT` | a buffer; `all` is a huge length |
//! | `local CODE [BODY [DETAILS [GRPC [N=V…]]]]` | a local response; GRPC is -1 for none |
//! | `continue req` … `close resp` | continue or reset a stream |
//! | `pause`, `return N` | none: they set the return value of the callback |
//! | `prop PATH`, `setprop PATH VALUE` | a property; segments are separated by `\|`, or by `.` if there is no `\|` |
//! | `call CLUSTER TIMEOUT N=V…` | an HTTP call; `body=…` sets its body, `t:n=v` a trailer |
//! | `gcall CLUSTER SERVICE METHOD MESSAGE TIMEOUT N=V…`, `gstream CLUSTER SERVICE METHOD N=V…` | gRPC calls |
//! | `gsend TEXT [end]`, `gcancel`, `gclose`, `gstatus` | the last gRPC call; `#N` before the text selects another |
//! | `shared KEY`, `setshared KEY VALUE CAS` | shared data; CAS may be `cas`, the last one read |
//! | `queue NAME`, `resolve VM NAME`, `enqueue TEXT`, `dequeue` | queues; the last two use the last id, or `#N` |
//! | `define KIND NAME`, `increment NAME N`, `record NAME N`, `metric NAME` | metrics, by name or by `#N` |
//! | `tick MILLISECONDS`, `time`, `level`, `log LEVEL TEXT`, `foreign NAME ARG`, `effective WHO`, `done` | other calls; WHO is `self` (the context that made the call), `root`, `#N` |
//! | `print TEXT`, `complain TEXT`, `env NAME`, `random`, `trap` | WASI; `trap` ends the virtual machine |

use crate::abi;
use crate::probe::Probe;
use crate::show::{layout, octets, pairs};

/// Execution of the commands of one event.
pub(crate) struct Run<'a> {
    pub(crate) probe: &'a mut Probe,
    /// Context that the host passed.
    pub(crate) context: u32,
    /// Context whose script is executed.
    pub(crate) on_behalf: u32,
    /// Return value of the callback.
    pub(crate) returns: u32,
}

/// Length that is larger than any buffer.
const HUGE: usize = usize::MAX >> 1;

fn map(name: &str) -> u32 {
    let maps = ["req", "reqt", "resp", "respt", "ginit", "gtrail", "call", "callt"];
    maps.iter().position(|map| *map == name).and_then(|at| u32::try_from(at).ok()).unwrap_or_else(|| raw(name))
}

fn buffer(name: &str) -> u32 {
    let buffers = ["req", "resp", "down", "up", "call", "grpc", "vm", "plugin", "foreign"];
    buffers.iter().position(|buffer| *buffer == name).and_then(|at| u32::try_from(at).ok()).unwrap_or_else(|| raw(name))
}

/// Parses `#N`, or N.
fn raw(word: &str) -> u32 {
    word.trim_start_matches('#').parse().unwrap_or(u32::MAX)
}

fn size(word: &str) -> usize {
    if word == "all" { HUGE } else { word.parse().unwrap_or(usize::MAX) }
}

fn path(word: &[u8]) -> Vec<u8> {
    let separator = if word.contains(&b'|') { b'|' } else { b'.' };
    word.iter().map(|&byte| if byte == separator { 0 } else { byte }).collect()
}

/// Words of a command. A missing word is empty, or 0.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [Vec<u8>]);

impl<'a> Words<'a> {
    fn bytes(self, at: usize) -> &'a [u8] {
        self.0.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    fn text(self, at: usize) -> String {
        String::from_utf8_lossy(self.bytes(at)).into_owned()
    }

    /// Returns the words from an index on.
    fn rest(self, from: usize) -> &'a [Vec<u8>] {
        self.0.get(from..).unwrap_or_default()
    }

    fn number(self, at: usize) -> i64 {
        self.text(at).parse().unwrap_or_default()
    }

    fn unsigned(self, at: usize) -> u32 {
        u32::try_from(self.number(at)).unwrap_or_default()
    }
}

/// Executes a command on header maps. Returns `None` for all other commands.
fn map_command(words: Words<'_>) -> Option<String> {
    Some(match words.text(0).as_str() {
        "get" => valued(abi::map_value(map(&words.text(1)), words.bytes(2))),
        "pairs" => {
            let (status, value) = abi::map_pairs(map(&words.text(1)));
            let decoded = value.as_deref().and_then(pairs);
            let shown = decoded.map_or_else(|| octets(value.as_deref()), |pairs| listed(&pairs));
            format!("{status} {shown}")
        }
        "count" => {
            let (status, value) = abi::map_pairs(map(&words.text(1)));
            let count = value.as_deref().and_then(pairs).map_or_else(|| "-".into(), |pairs| pairs.len().to_string());
            format!("{status} {count}")
        }
        "mapsize" => numbered(abi::map_size(map(&words.text(1)))),
        "setpairs" => abi::set_map_pairs(map(&words.text(1)), &layout(words.rest(2))).to_string(),
        "set" => abi::replace_map_value(map(&words.text(1)), words.bytes(2), words.bytes(3)).to_string(),
        "add" => abi::add_map_value(map(&words.text(1)), words.bytes(2), words.bytes(3)).to_string(),
        "remove" => abi::remove_map_value(map(&words.text(1)), words.bytes(2)).to_string(),
        _ => return None,
    })
}

/// Executes a command on buffers, local responses, streams and properties. Returns `None` for all other commands.
fn stream_command(words: Words<'_>) -> Option<String> {
    Some(match words.text(0).as_str() {
        "buffer" => {
            let start = if words.0.len() > 2 { size(&words.text(2)) } else { 0 };
            let length = if words.0.len() > 3 { size(&words.text(3)) } else { HUGE };
            valued(abi::buffer(buffer(&words.text(1)), start, length))
        }
        "bufstatus" => {
            let (status, size, flags) = abi::buffer_status(buffer(&words.text(1)));
            format!("{status} size={size} flags={flags}")
        }
        "put" => abi::set_buffer(buffer(&words.text(1)), size(&words.text(2)), size(&words.text(3)), words.bytes(4))
            .to_string(),
        "local" => {
            let grpc = if words.0.len() > 4 { i32::try_from(words.number(4)).unwrap_or(-1) } else { -1 };
            abi::local_response(words.unsigned(1), words.bytes(3), words.bytes(2), &layout(words.rest(5)), grpc)
                .to_string()
        }
        "continue" => abi::continue_stream(stream(&words.text(1))).to_string(),
        "close" => abi::close_stream(stream(&words.text(1))).to_string(),
        "prop" => valued(abi::property(&path(words.bytes(1)))),
        "setprop" => abi::set_property(&path(words.bytes(1)), words.bytes(2)).to_string(),
        _ => return None,
    })
}

impl Run<'_> {
    /// Executes one command and returns its line in the log, if it has one.
    pub(crate) fn command(&mut self, words: &[Vec<u8>]) -> Option<String> {
        let words = Words(words);
        if self.control(words) {
            return None;
        }
        let result = map_command(words)
            .or_else(|| stream_command(words))
            .or_else(|| self.call_command(words))
            .or_else(|| self.shared_command(words))
            .or_else(|| self.metric_command(words))
            .or_else(|| self.context_command(words))
            .unwrap_or_else(|| "no such command".into());
        Some(format!("{} -> {result}", quoted(words.0)))
    }

    /// Executes a command without a line in the log. Returns `false` for all other commands.
    fn control(&mut self, words: Words<'_>) -> bool {
        match words.text(0).as_str() {
            "pause" => self.returns = 1,
            "return" => self.returns = words.unsigned(1),
            "trap" => core::arch::wasm32::unreachable(),
            "print" => emit(&mut std::io::stdout(), &words.text(1)),
            "complain" => emit(&mut std::io::stderr(), &words.text(1)),
            _ => return false,
        }
        true
    }

    /// Executes a command on HTTP and gRPC calls. Returns `None` for all other commands.
    fn call_command(&mut self, words: Words<'_>) -> Option<String> {
        Some(match words.text(0).as_str() {
            "call" => self.http_call(words.bytes(1), words.unsigned(2), words.rest(3)),
            "gcall" => {
                let metadata = layout(words.rest(6));
                let sent = abi::grpc_call(
                    words.bytes(1),
                    words.bytes(2),
                    words.bytes(3),
                    &metadata,
                    words.bytes(4),
                    words.unsigned(5),
                );
                self.call_result(sent)
            }
            "gstream" => self.call_result(abi::grpc_stream(
                words.bytes(1),
                words.bytes(2),
                words.bytes(3),
                &layout(words.rest(4)),
            )),
            "gsend" => {
                let (token, at) = self.token(&words.text(1), 1);
                abi::grpc_send(token, words.bytes(at), words.text(at + 1) == "end").to_string()
            }
            "gcancel" => abi::grpc_cancel(self.token(&words.text(1), 1).0).to_string(),
            "gclose" => abi::grpc_close(self.token(&words.text(1), 1).0).to_string(),
            "gstatus" => {
                let (status, code, message) = abi::grpc_status();
                format!("{status} {code} {}", octets(message.as_deref()))
            }
            _ => return None,
        })
    }

    /// Executes a command on shared data and queues. Returns `None` for all other commands.
    fn shared_command(&mut self, words: Words<'_>) -> Option<String> {
        Some(match words.text(0).as_str() {
            "shared" => {
                let (status, value, cas) = abi::shared_data(words.bytes(1));
                self.probe.last.cas = cas;
                format!("{status} {} cas={cas}", octets(value.as_deref()))
            }
            "setshared" => {
                let cas = if words.text(3) == "cas" { self.probe.last.cas } else { words.unsigned(3) };
                abi::set_shared_data(words.bytes(1), words.bytes(2), cas).to_string()
            }
            "queue" => self.queue(abi::register_queue(words.bytes(1))),
            "resolve" => self.queue(abi::resolve_queue(words.bytes(1), words.bytes(2))),
            "enqueue" if words.text(1).starts_with('#') => {
                abi::enqueue(raw(&words.text(1)), words.bytes(2)).to_string()
            }
            "enqueue" => abi::enqueue(self.probe.last.queue, words.bytes(1)).to_string(),
            "dequeue" if words.text(1).starts_with('#') => valued(abi::dequeue(raw(&words.text(1)))),
            "dequeue" => valued(abi::dequeue(self.probe.last.queue)),
            _ => return None,
        })
    }

    /// Executes a command on metrics. Returns `None` for all other commands.
    fn metric_command(&mut self, words: Words<'_>) -> Option<String> {
        Some(match words.text(0).as_str() {
            "define" => {
                let kinds = ["counter", "gauge", "histogram"];
                let kind = kinds.iter().position(|kind| *kind == words.text(1));
                let kind = kind.and_then(|kind| u32::try_from(kind).ok()).unwrap_or_else(|| raw(&words.text(1)));
                let (status, id) = abi::define_metric(kind, words.bytes(2));
                self.probe.metrics.insert(words.bytes(2).to_vec(), id);
                format!("{status} id={id}")
            }
            "increment" => abi::increment_metric(self.metric(words.bytes(1)), words.number(2)).to_string(),
            "record" => {
                abi::record_metric(self.metric(words.bytes(1)), u64::try_from(words.number(2)).unwrap_or_default())
                    .to_string()
            }
            "metric" => numbered(abi::metric(self.metric(words.bytes(1)))),
            _ => return None,
        })
    }

    /// Executes a command on time, log, foreign functions, contexts and the environment. Returns `None` for all other commands.
    fn context_command(&self, words: Words<'_>) -> Option<String> {
        Some(match words.text(0).as_str() {
            "tick" => abi::tick_period(words.unsigned(1)).to_string(),
            "time" => {
                let (status, time) = abi::time();
                format!("{status} {}", if time > 0 { "some" } else { "none" })
            }
            "level" => numbered(abi::log_level()),
            "log" => abi::log(words.unsigned(1), &format!("PROBE   {}", words.text(2))).to_string(),
            "foreign" => valued(abi::foreign(words.bytes(1), words.bytes(2))),
            "effective" => abi::effective_context(match words.text(1).as_str() {
                "self" => self.on_behalf,
                "root" => self.context,
                other => raw(other),
            })
            .to_string(),
            "done" => abi::done().to_string(),
            "env" => std::env::var(words.text(1)).unwrap_or_else(|_| "-".into()),
            _ => return None,
        })
    }

    fn http_call(&mut self, cluster: &[u8], timeout: u32, words: &[Vec<u8>]) -> String {
        let body: Vec<u8> = words.iter().filter_map(|word| word.strip_prefix(b"body=")).flatten().copied().collect();
        let trailers: Vec<Vec<u8>> = words.iter().filter_map(|word| Some(word.strip_prefix(b"t:")?.to_vec())).collect();
        let headers: Vec<Vec<u8>> =
            words.iter().filter(|word| !word.starts_with(b"body=") && !word.starts_with(b"t:")).cloned().collect();
        self.call_result(abi::http_call(cluster, &layout(&headers), &body, &layout(&trailers), timeout))
    }

    /// Records the context that made a call, and formats the result.
    fn call_result(&mut self, (status, token): (abi::Status, u32)) -> String {
        if status == 0 {
            self.probe.callers.insert(token, self.on_behalf);
            self.probe.last.token = token;
            format!("{status} token={token}")
        } else {
            status.to_string()
        }
    }

    /// Records the id of a queue, and formats the result.
    fn queue(&mut self, (status, queue): (abi::Status, u32)) -> String {
        if status == 0 {
            self.probe.last.queue = queue;
        }
        format!("{status} id={queue}")
    }

    /// Returns the token in a word `#N`, otherwise the last one, and the index of the next word.
    fn token(&self, word: &str, at: usize) -> (u32, usize) {
        if word.starts_with('#') { (raw(word), at + 1) } else { (self.probe.last.token, at) }
    }

    fn metric(&self, name: &[u8]) -> u32 {
        self.probe.metrics.get(name).copied().unwrap_or_else(|| raw(&String::from_utf8_lossy(name)))
    }
}

fn stream(name: &str) -> u32 {
    match name {
        "req" => 0,
        "resp" => 1,
        "down" => 2,
        "up" => 3,
        other => raw(other),
    }
}

fn emit(to: &mut impl std::io::Write, text: &str) {
    let _ = to.write_all(format!("PROBE   {text}\n").as_bytes());
    let _ = to.flush();
}

fn valued((status, value): (abi::Status, Option<Vec<u8>>)) -> String {
    format!("{status} {}", octets(value.as_deref()))
}

fn numbered<N: std::fmt::Display>((status, value): (abi::Status, N)) -> String {
    format!("{status} {value}")
}

fn listed(pairs: &[(Vec<u8>, Vec<u8>)]) -> String {
    let shown: Vec<String> = pairs
        .iter()
        .map(|(name, value)| {
            // The script would double the length of the line.
            let value = if name == b"x-probe" { "…".into() } else { octets(Some(value)) };
            format!("{}={value}", String::from_utf8_lossy(name))
        })
        .collect();
    format!("[{}]", shown.join(" "))
}

/// Returns the text of a command, with words that are not plain ASCII quoted.
fn quoted(words: &[Vec<u8>]) -> String {
    let plain = |word: &[u8]| !word.is_empty() && word.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'"');
    let words: Vec<String> = words
        .iter()
        .map(|word| if plain(word) { String::from_utf8_lossy(word).into_owned() } else { octets(Some(word)) })
        .collect();
    words.join(" ")
}
