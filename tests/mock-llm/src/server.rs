//! The server: a thread with a runtime of its own, so that any program can start one.

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
use crate::received::{Received, Recording, RequestLog};
use crate::service::{Shared, Upstream};

/// Configuration of a mock.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Name and address of each listener; port 0 selects any free port. The response header `x-mock-upstream` and
    /// [`Received::upstream`] contain the name.
    pub listeners: Vec<(String, SocketAddr)>,
    /// Defaults for the knobs that a request does not set.
    pub knobs: Knobs,
    /// `true` to record requests. Benchmarks disable it.
    pub record: bool,
    /// Maximum number of bytes recorded of a request body.
    pub record_body_bytes: usize,
    /// `true` to record the bodies of responses as well ([`Received::sent`]).
    pub record_responses: bool,
}

impl Options {
    /// Creates the default configuration with these listeners.
    pub fn new(listeners: Vec<(String, SocketAddr)>) -> Options {
        Options {
            listeners,
            knobs: Knobs::default(),
            record: true,
            record_body_bytes: 1 << 20,
            record_responses: false,
        }
    }
}

/// Running mock. It stops when dropped.
#[derive(Debug)]
pub struct MockLlm {
    addresses: Vec<(String, SocketAddr)>,
    log: Arc<RequestLog>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MockLlm {
    /// Binds all listeners and starts to serve them.
    ///
    /// Fails if an address is in use, a name is not a valid header value, or the thread cannot be created.
    pub fn start(options: Options) -> io::Result<MockLlm> {
        let log = Arc::new(RequestLog::new(Recording {
            enabled: options.record,
            responses: options.record_responses,
            body_limit: options.record_body_bytes,
        }));
        let shared = Arc::new(Shared { knobs: options.knobs, log: Arc::clone(&log) });
        let mut addresses = Vec::with_capacity(options.listeners.len());
        let mut listeners = Vec::with_capacity(options.listeners.len());
        for (name, address) in options.listeners {
            let header = HeaderValue::from_str(&name).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidInput, "the name of a listener is not a valid header value")
            })?;
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            addresses.push((name.clone(), listener.local_addr()?));
            listeners.push((listener, Arc::new(Upstream { shared: Arc::clone(&shared), name, header })));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        {
            // Registered here, so that a failure is reported by this function.
            let _entered = runtime.enter();
            for (listener, upstream) in listeners {
                runtime.spawn(accept(tokio::net::TcpListener::from_std(listener)?, upstream));
            }
        }
        let thread = std::thread::Builder::new().name("mock-llm".to_owned()).spawn(move || {
            // Ends on a stop signal, or when the handle is dropped. Dropping the runtime closes every connection.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(MockLlm { addresses, log, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns name and bound address of each listener, in the order of the configuration.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// Returns the bound address of the listener `name`.
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(listener, _)| listener == name).map(|(_, address)| *address)
    }

    /// Returns all requests since the start or the last [`clear`](MockLlm::clear), in order, as `GET /received` does.
    pub fn received(&self) -> Vec<Received> {
        self.log.entries()
    }

    /// Returns the first recorded request that satisfies `wanted`.
    pub fn find(&self, wanted: impl Fn(&Received) -> bool) -> Option<Received> {
        self.log.find(wanted)
    }

    /// Waits until `condition` holds for the recorded requests, and returns them.
    ///
    /// Returns them as `Err` if it does not hold within `timeout`.
    pub fn wait(
        &self,
        timeout: Duration,
        condition: impl Fn(&[Received]) -> bool,
    ) -> Result<Vec<Received>, Vec<Received>> {
        let (holds, entries) = self.log.wait(timeout, condition);
        if holds { Ok(entries) } else { Err(entries) }
    }

    /// Removes all recorded requests, as `DELETE /received` does.
    pub fn clear(&self) {
        self.log.clear();
    }

    /// Blocks for as long as the mock runs, which is until the process ends.
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
            // Most likely the process is out of file descriptors; open connections will free some.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, upstream: Arc<Upstream>) {
    // Without it, the kernel would join small pieces.
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
    let service = service_fn(move |request| Arc::clone(&upstream).respond(request, Arc::clone(&reset)));
    // A failed connection is visible in the record of its requests.
    let _ = server.serve_connection(connection, service).await;
}
