//! The mock as a running thing: a thread with its own runtime, so that any program can have one.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::knobs::Knobs;
use crate::received::{Log, Received};
use crate::service::{Shared, Upstream};

/// What to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Name and address of each listener; port 0 takes a free one. The name says in `x-mock-upstream` and in what is
    /// recorded which upstream a request reached.
    pub listeners: Vec<(String, SocketAddr)>,
    /// What is not said by the headers of a request.
    pub knobs: Knobs,
    /// Whether requests are recorded. Off for benchmarks.
    pub record: bool,
    /// Bytes recorded of the body of a request.
    pub record_body_bytes: usize,
}

impl Options {
    /// The defaults, with these listeners.
    pub fn new(listeners: Vec<(String, SocketAddr)>) -> Options {
        Options { listeners, knobs: Knobs::default(), record: true, record_body_bytes: 1 << 20 }
    }
}

/// A running mock. It stops when dropped.
#[derive(Debug)]
pub struct MockLlm {
    addresses: Vec<(String, SocketAddr)>,
    log: Arc<Log>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MockLlm {
    /// Binds all listeners, then serves them. An error: an address is taken, a name is no header value, or the system
    /// gives no thread.
    pub fn start(options: Options) -> io::Result<MockLlm> {
        let log = Arc::new(Log::new(options.record, options.record_body_bytes));
        let shared = Arc::new(Shared { knobs: options.knobs, log: Arc::clone(&log) });
        let mut addresses = Vec::with_capacity(options.listeners.len());
        let mut listeners = Vec::with_capacity(options.listeners.len());
        for (name, address) in options.listeners {
            let header = HeaderValue::from_str(&name).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidInput, "the name of a listener is no header value")
            })?;
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            addresses.push((name.clone(), listener.local_addr()?));
            listeners.push((listener, Arc::new(Upstream { shared: Arc::clone(&shared), name, header })));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        {
            // Registered here, so that what fails fails before this function returns.
            let _entered = runtime.enter();
            for (listener, upstream) in listeners {
                runtime.spawn(accept(tokio::net::TcpListener::from_std(listener)?, upstream));
            }
        }
        let thread = std::thread::Builder::new().name("mock-llm".to_owned()).spawn(move || {
            // Ends when told to, or when the handle is gone; dropping the runtime closes every connection.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(MockLlm { addresses, log, stop: Some(stop), thread: Some(thread) })
    }

    /// Name and bound address of each listener, in the order given.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// The bound address of the listener `name`.
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(named, _)| named == name).map(|(_, address)| *address)
    }

    /// Everything received since the start or the last [`clear`](MockLlm::clear), in order; the same as `GET /received`.
    pub fn received(&self) -> Vec<Received> {
        self.log.entries()
    }

    /// Waits until `enough` holds of everything received. `Err`: it did not within `patience`; what there is.
    pub fn wait(
        &self,
        patience: Duration,
        enough: impl Fn(&[Received]) -> bool,
    ) -> Result<Vec<Received>, Vec<Received>> {
        let (holds, entries) = self.log.wait(patience, enough);
        if holds { Ok(entries) } else { Err(entries) }
    }

    /// Forgets what was received; the same as `DELETE /received`.
    pub fn clear(&self) {
        self.log.clear();
    }

    /// Blocks until the mock ends, which by itself it does not.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for MockLlm {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, upstream: Arc<Upstream>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&upstream)));
            }
            // Out of descriptors, most likely: others will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, upstream: Arc<Upstream>) {
    // Without it, small pieces would be joined on the way.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let connection = TokioIo::new(Connection::new(stream, Arc::clone(&reset)));
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().auto_date_header(false).header_read_timeout(None);
    server
        .http2()
        .auto_date_header(false)
        .max_concurrent_streams(10_000)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(16 << 20)
        .max_header_list_size(1 << 20);
    let service = service_fn(move |request| Arc::clone(&upstream).answer(request, Arc::clone(&reset)));
    // A connection that breaks shows in what was recorded of its requests.
    let _ = server.serve_connection(connection, service).await;
}
