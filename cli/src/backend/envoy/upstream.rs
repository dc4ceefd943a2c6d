//! Scripted upstreams: servers on loopback that record what reaches them and answer as the test at hand says.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::observation::UpstreamRequest;
use crate::plan::Exchange;
use crate::point::{Marks, Point};

use super::http1::{Message, Outgoing};

/// The upstreams of a chain.
pub(super) struct Upstreams {
    state: Arc<Mutex<State>>,
    addresses: Vec<(String, SocketAddr)>,
}

#[derive(Default)]
struct State {
    script: Option<Script>,
    received: Vec<UpstreamRequest>,
}

#[derive(Clone)]
pub(super) struct Script {
    pub(super) exchange: Exchange,
    pub(super) number: usize,
    pub(super) marks: Marks,
    pub(super) point: Point,
}

/// Between the events of an answer that a client leaves.
const PACE: Duration = Duration::from_millis(10);

impl Upstreams {
    /// One server for each cluster. They end with the process.
    pub(super) fn start(clusters: &[&str]) -> io::Result<Upstreams> {
        let state = Arc::new(Mutex::new(State::default()));
        let mut addresses = Vec::new();
        for &cluster in clusters {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            addresses.push((cluster.to_owned(), listener.local_addr()?));
            let (state, cluster) = (state.clone(), cluster.to_owned());
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let (state, cluster) = (state.clone(), cluster.clone());
                    // What goes wrong on a connection, Envoy sees as well, and the test with it.
                    std::thread::spawn(move || serve(stream, &cluster, &state));
                }
            });
        }
        Ok(Upstreams { state, addresses })
    }

    pub(super) fn addresses(&self) -> Vec<(&str, SocketAddr)> {
        self.addresses.iter().map(|(cluster, address)| (cluster.as_str(), *address)).collect()
    }

    /// How the next requests are answered; what was received before is forgotten.
    pub(super) fn script(&self, script: Script) {
        *lock(&self.state) = State { script: Some(script), received: Vec::new() };
    }

    /// What was received since.
    pub(super) fn received(&self) -> Vec<UpstreamRequest> {
        lock(&self.state).received.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, cluster: &str, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(mut message) = Message::read_head(&mut reader)? {
        message.read_body(&mut reader, false, |_| false);
        let mut words = message.start.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = message.headers.clone();
        headers.insert(0, (":method".into(), method.into()));
        headers.insert(0, (":path".into(), path.into()));
        let request = UpstreamRequest {
            cluster: cluster.to_owned(),
            path: path.to_owned(),
            headers,
            body: message.body.clone(),
            trailers: message.trailers.clone(),
            complete: message.complete,
            // What came behind the end is read as a request of its own, which no test expects.
            ended_twice: false,
        };
        let script = {
            let mut state = lock(state);
            state.received.push(request);
            state.script.clone()
        };
        let Some(script) = script.filter(|_| message.complete) else { return Ok(()) };
        if !answer(&mut stream, &script, &message.body)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Writes the answer; false if it breaks off.
fn answer(stream: &mut TcpStream, script: &Script, asked: &[u8]) -> io::Result<bool> {
    let Script { exchange, number, marks, point } = script;
    let answer = &exchange.answer;
    let whole = answer.body(asked);
    let body = whole.get(..answer.reset_after.unwrap_or(usize::MAX)).unwrap_or(whole);
    let frames = point.response(*number, exchange, whole, marks);
    let outgoing = Outgoing {
        start: format!("HTTP/1.1 {} Scripted", answer.status),
        headers: &answer.headers,
        body: Some(body),
        length: whole.len(),
        frames: &frames,
        trailers: &answer.trailers,
    };
    let pace = exchange.sent.leave_after.is_some();
    outgoing.write(stream, || {
        if pace {
            std::thread::sleep(PACE);
        }
    })?;
    stream.flush()?;
    if body.len() < whole.len() {
        // What was sent has to be there before the end is.
        std::thread::sleep(PACE * 5);
        return Ok(false);
    }
    Ok(true)
}
