//! Commands of a script: one host call each, by short names.
//!
//! | command | host call |
//! |---|---|
//! | `get MAP NAME`, `set MAP NAME VALUE`, `add MAP NAME VALUE`, `remove MAP NAME` | one header; `set` replaces |
//! | `pairs MAP`, `count MAP`, `mapsize MAP`, `setpairs MAP N=V…` | a whole map; `count` returns only the number of pairs |
//! | `buffer BUFFER [START [LENGTH]]`, `bufstatus BUFFER`, `put BUFFER START LENGTH TEXT` | a buffer; `all` is a huge length |
//! | `local CODE [BODY [DETAILS [GRPC [N=V…]]]]` | a local response; GRPC is -1 for none |
//! | `continue req` … `close resp` | go on, or reset |
//! | `pause`, `return N` | what the callback returns |
//! | `prop PATH`, `setprop PATH VALUE` | a property; segments are divided by `\|`, or by `.` if there is no `\|` |
//! | `call CLUSTER TIMEOUT N=V…` | an HTTP call; `body=…` is its body, `t:n=v` a trailer |
//! | `gcall CLUSTER SERVICE METHOD MESSAGE TIMEOUT N=V…`, `gstream CLUSTER SERVICE METHOD N=V…` | gRPC calls |
//! | `gsend TEXT [end]`, `gcancel`, `gclose`, `gstatus` | of the last gRPC call; `#N` before the text names another |
//! | `shared KEY`, `setshared KEY VALUE CAS` | shared data; CAS may be `cas`, the last one read |
//! | `queue NAME`, `resolve VM NAME`, `enqueue TEXT`, `dequeue` | queues; the last two of the last id, or of `#N` |
//! | `define KIND NAME`, `increment NAME N`, `record NAME N`, `metric NAME` | metrics, by name or by `#N` |
//! | `tick MILLISECONDS`, `time`, `level`, `log LEVEL TEXT`, `foreign NAME ARG`, `effective WHO`, `done` | the rest; WHO is `self` (who made the call), `root`, `#N` |
//! | `print TEXT`, `complain TEXT`, `env NAME`, `random`, `trap` | WASI, and the end of the virtual machine |

use crate::abi;
use crate::probe::Probe;
use crate::show::{layout, octets, pairs};

/// Execution of the commands of one event.
pub(crate) struct Run<'a> {
    pub(crate) probe: &'a mut Probe,
    /// Context that the host named.
    pub(crate) context: u32,
    /// Context whose script is followed.
    pub(crate) on_behalf: u32,
    /// Value that the callback will return.
    pub(crate) returns: u32,
}

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
    let divider = if word.contains(&b'|') { b'|' } else { b'.' };
    word.iter().map(|&byte| if byte == divider { 0 } else { byte }).collect()
}

impl Run<'_> {
    /// Executes one command and returns its line in the log, if it has one.
    pub(crate) fn command(&mut self, words: &[Vec<u8>]) -> Option<String> {
        let bytes = |at: usize| words.get(at).map(Vec::as_slice).unwrap_or_default();
        let text = |at: usize| String::from_utf8_lossy(bytes(at)).into_owned();
        let rest = |from: usize| words.get(from..).unwrap_or_default();
        let number = |at: usize| text(at).parse::<i64>().unwrap_or_default();
        let unsigned = |at: usize| u32::try_from(number(at)).unwrap_or_default();
        let verb = text(0);
        let answer = match verb.as_str() {
            "pause" => {
                self.returns = 1;
                return None;
            }
            "return" => {
                self.returns = unsigned(1);
                return None;
            }
            "trap" => core::arch::wasm32::unreachable(),
            "print" => {
                emit(&mut std::io::stdout(), &text(1));
                return None;
            }
            "complain" => {
                emit(&mut std::io::stderr(), &text(1));
                return None;
            }
            "get" => valued(abi::map_value(map(&text(1)), bytes(2))),
            "pairs" => {
                let (status, value) = abi::map_pairs(map(&text(1)));
                let laid_out = value.as_deref().and_then(pairs);
                let shown = laid_out.map_or_else(|| octets(value.as_deref()), |pairs| listed(&pairs));
                format!("{status} {shown}")
            }
            "count" => {
                let (status, value) = abi::map_pairs(map(&text(1)));
                let count =
                    value.as_deref().and_then(pairs).map_or_else(|| "-".into(), |pairs| pairs.len().to_string());
                format!("{status} {count}")
            }
            "mapsize" => numbered(abi::map_size(map(&text(1)))),
            "setpairs" => abi::set_map_pairs(map(&text(1)), &layout(rest(2))).to_string(),
            "set" => abi::replace_map_value(map(&text(1)), bytes(2), bytes(3)).to_string(),
            "add" => abi::add_map_value(map(&text(1)), bytes(2), bytes(3)).to_string(),
            "remove" => abi::remove_map_value(map(&text(1)), bytes(2)).to_string(),
            "buffer" => {
                let start = if words.len() > 2 { size(&text(2)) } else { 0 };
                let length = if words.len() > 3 { size(&text(3)) } else { HUGE };
                valued(abi::buffer(buffer(&text(1)), start, length))
            }
            "bufstatus" => {
                let (status, size, flags) = abi::buffer_status(buffer(&text(1)));
                format!("{status} size={size} flags={flags}")
            }
            "put" => abi::set_buffer(buffer(&text(1)), size(&text(2)), size(&text(3)), bytes(4)).to_string(),
            "local" => {
                let grpc = if words.len() > 4 { i32::try_from(number(4)).unwrap_or(-1) } else { -1 };
                abi::local_response(unsigned(1), bytes(3), bytes(2), &layout(rest(5)), grpc).to_string()
            }
            "continue" => abi::continue_stream(stream(&text(1))).to_string(),
            "close" => abi::close_stream(stream(&text(1))).to_string(),
            "prop" => valued(abi::property(&path(bytes(1)))),
            "setprop" => abi::set_property(&path(bytes(1)), bytes(2)).to_string(),
            "call" => self.http_call(bytes(1), unsigned(2), rest(3)),
            "gcall" => {
                let metadata = layout(rest(6));
                let sent = abi::grpc_call(bytes(1), bytes(2), bytes(3), &metadata, bytes(4), unsigned(5));
                self.sent(sent)
            }
            "gstream" => self.sent(abi::grpc_stream(bytes(1), bytes(2), bytes(3), &layout(rest(4)))),
            "gsend" => {
                let (token, at) = self.token(&text(1), 1);
                abi::grpc_send(token, bytes(at), text(at + 1) == "end").to_string()
            }
            "gcancel" => abi::grpc_cancel(self.token(&text(1), 1).0).to_string(),
            "gclose" => abi::grpc_close(self.token(&text(1), 1).0).to_string(),
            "gstatus" => {
                let (status, code, message) = abi::grpc_status();
                format!("{status} {code} {}", octets(message.as_deref()))
            }
            "shared" => {
                let (status, value, cas) = abi::shared_data(bytes(1));
                self.probe.last.cas = cas;
                format!("{status} {} cas={cas}", octets(value.as_deref()))
            }
            "setshared" => {
                let cas = if text(3) == "cas" { self.probe.last.cas } else { unsigned(3) };
                abi::set_shared_data(bytes(1), bytes(2), cas).to_string()
            }
            "queue" => self.queue(abi::register_queue(bytes(1))),
            "resolve" => self.queue(abi::resolve_queue(bytes(1), bytes(2))),
            "enqueue" if text(1).starts_with('#') => abi::enqueue(raw(&text(1)), bytes(2)).to_string(),
            "enqueue" => abi::enqueue(self.probe.last.queue, bytes(1)).to_string(),
            "dequeue" if text(1).starts_with('#') => valued(abi::dequeue(raw(&text(1)))),
            "dequeue" => valued(abi::dequeue(self.probe.last.queue)),
            "define" => {
                let kinds = ["counter", "gauge", "histogram"];
                let kind = kinds.iter().position(|kind| *kind == text(1));
                let kind = kind.and_then(|kind| u32::try_from(kind).ok()).unwrap_or_else(|| raw(&text(1)));
                let (status, id) = abi::define_metric(kind, bytes(2));
                self.probe.metrics.insert(bytes(2).to_vec(), id);
                format!("{status} id={id}")
            }
            "increment" => abi::increment_metric(self.metric(bytes(1)), number(2)).to_string(),
            "record" => {
                abi::record_metric(self.metric(bytes(1)), u64::try_from(number(2)).unwrap_or_default()).to_string()
            }
            "metric" => numbered(abi::metric(self.metric(bytes(1)))),
            "tick" => abi::tick_period(unsigned(1)).to_string(),
            "time" => {
                let (status, time) = abi::time();
                format!("{status} {}", if time > 0 { "some" } else { "none" })
            }
            "level" => numbered(abi::log_level()),
            "log" => abi::log(unsigned(1), &format!("PROBE   {}", text(2))).to_string(),
            "foreign" => valued(abi::foreign(bytes(1), bytes(2))),
            "effective" => abi::effective_context(match text(1).as_str() {
                "self" => self.on_behalf,
                "root" => self.context,
                other => raw(other),
            })
            .to_string(),
            "done" => abi::done().to_string(),
            "env" => std::env::var(text(1)).unwrap_or_else(|_| "-".into()),
            _ => "no such command".into(),
        };
        Some(format!("{} -> {answer}", spelled(words)))
    }

    fn http_call(&mut self, cluster: &[u8], timeout: u32, words: &[Vec<u8>]) -> String {
        let body: Vec<u8> = words.iter().filter_map(|word| word.strip_prefix(b"body=")).flatten().copied().collect();
        let trailers: Vec<Vec<u8>> = words.iter().filter_map(|word| Some(word.strip_prefix(b"t:")?.to_vec())).collect();
        let headers: Vec<Vec<u8>> =
            words.iter().filter(|word| !word.starts_with(b"body=") && !word.starts_with(b"t:")).cloned().collect();
        self.sent(abi::http_call(cluster, &layout(&headers), &body, &layout(&trailers), timeout))
    }

    /// Records the context that made a call.
    fn sent(&mut self, (status, token): (abi::Status, u32)) -> String {
        if status == 0 {
            self.probe.callers.insert(token, self.on_behalf);
            self.probe.last.token = token;
            format!("{status} token={token}")
        } else {
            status.to_string()
        }
    }

    fn queue(&mut self, (status, queue): (abi::Status, u32)) -> String {
        if status == 0 {
            self.probe.last.queue = queue;
        }
        format!("{status} id={queue}")
    }

    /// Returns the token that a word names, else the last one, and the index of the next word.
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
            // The script itself would be half of every line.
            let value = if name == b"x-probe" { "…".into() } else { octets(Some(value)) };
            format!("{}={value}", String::from_utf8_lossy(name))
        })
        .collect();
    format!("[{}]", shown.join(" "))
}

/// Returns the text of a command, with words that are not plain ASCII quoted.
fn spelled(words: &[Vec<u8>]) -> String {
    let plain = |word: &[u8]| !word.is_empty() && word.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'"');
    let words: Vec<String> = words
        .iter()
        .map(|word| if plain(word) { String::from_utf8_lossy(word).into_owned() } else { octets(Some(word)) })
        .collect();
    words.join(" ")
}
