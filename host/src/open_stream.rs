//! Streams driven step by step, from both ends.

use crate::{ClientResponse, Exchange, Headers, Process, ReceivedRequest};

/// Stream that a test drives step by step. Dropped without [`OpenStream::finish`], it stays open.
#[derive(Clone)]
pub struct OpenStream {
    process: Process,
    id: u64,
}

impl OpenStream {
    pub(crate) fn new(process: Process, id: u64) -> OpenStream {
        OpenStream { process, id }
    }

    /// Delivers the next frame of the request's own body; returns `false` if there is none left.
    pub fn next_frame(&self) -> bool {
        self.process.lock().client_next(self.id)
    }

    /// Sends a frame from the client besides those of its [`Request`](crate::Request).
    pub fn data(&self, bytes: impl AsRef<[u8]>, end_of_stream: bool) {
        self.process.lock().client_data(self.id, bytes.as_ref(), end_of_stream);
    }

    /// Sends trailers from the client; they end the request.
    pub fn trailers<K: AsRef<str>, V: AsRef<[u8]>>(&self, pairs: impl IntoIterator<Item = (K, V)>) {
        let trailers: Headers = pairs.into_iter().collect();
        self.process.lock().client_trailers(self.id, trailers);
    }

    /// Disconnects the client.
    pub fn reset(&self) {
        self.process.lock().client_reset(self.id);
    }

    /// Sends the upstream's headers, `:status` among them, for a cluster that responds manually.
    pub fn respond_headers<K: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
        end_of_stream: bool,
    ) {
        let headers: Headers = pairs.into_iter().collect();
        self.process.lock().upstream_headers(self.id, headers, end_of_stream);
    }

    /// Sends a frame of the upstream's body, as the filters will see it: HTTP/1 ends with an empty one.
    pub fn respond_data(&self, bytes: impl AsRef<[u8]>, end_of_stream: bool) {
        self.process.lock().upstream_data(self.id, bytes.as_ref(), end_of_stream);
    }

    /// Sends the upstream's trailers, which end its response.
    pub fn respond_trailers<K: AsRef<str>, V: AsRef<[u8]>>(&self, pairs: impl IntoIterator<Item = (K, V)>) {
        let trailers: Headers = pairs.into_iter().collect();
        self.process.lock().upstream_trailers(self.id, trailers);
    }

    /// Resets the stream from the upstream.
    pub fn respond_reset(&self) {
        self.process.lock().upstream_reset(self.id);
    }

    /// Returns the response that the client has received so far.
    pub fn client(&self) -> ClientResponse {
        self.process.lock().client_so_far(self.id)
    }

    /// Returns the requests that upstreams have received so far.
    pub fn upstream(&self) -> Vec<ReceivedRequest> {
        self.process.lock().upstream_so_far(self.id)
    }

    /// Delivers the remaining request and runs until the exchange is over. A second call returns an empty exchange.
    pub fn finish(&self) -> Exchange {
        self.process.lock().finish(self.id)
    }
}
