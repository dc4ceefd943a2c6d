//! A stream driven by hand, from both ends.

use crate::listener::OpenStream;
use crate::{ClientResponse, Exchange, Headers, ReceivedRequest};

impl OpenStream {
    /// Delivers the next frame of the request's own body; `false` if there is none left.
    pub fn next_frame(&self) -> bool {
        self.process.lock().client_next(self.id)
    }

    /// The client sends a frame besides those of its [`Request`](crate::Request).
    pub fn data(&self, bytes: impl AsRef<[u8]>, end_of_stream: bool) {
        self.process.lock().client_data(self.id, bytes.as_ref(), end_of_stream);
    }

    /// The client sends trailers, which end the request.
    pub fn trailers<K: AsRef<str>, V: AsRef<[u8]>>(&self, pairs: impl IntoIterator<Item = (K, V)>) {
        let trailers: Headers = pairs.into_iter().collect();
        self.process.lock().client_trailers(self.id, trailers);
    }

    /// The client goes away.
    pub fn reset(&self) {
        self.process.lock().client_reset(self.id);
    }

    /// The upstream's headers, `:status` among them, for a cluster that is answered by hand.
    pub fn respond_headers<K: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
        end_of_stream: bool,
    ) {
        let headers: Headers = pairs.into_iter().collect();
        self.process.lock().upstream_headers(self.id, headers, end_of_stream);
    }

    /// A frame of the upstream's body, as the filters will see it: HTTP/1 ends with an empty one.
    pub fn respond_data(&self, bytes: impl AsRef<[u8]>, end_of_stream: bool) {
        self.process.lock().upstream_data(self.id, bytes.as_ref(), end_of_stream);
    }

    /// The upstream's trailers, which end its answer.
    pub fn respond_trailers<K: AsRef<str>, V: AsRef<[u8]>>(&self, pairs: impl IntoIterator<Item = (K, V)>) {
        let trailers: Headers = pairs.into_iter().collect();
        self.process.lock().upstream_trailers(self.id, trailers);
    }

    /// The upstream resets the stream.
    pub fn respond_reset(&self) {
        self.process.lock().upstream_reset(self.id);
    }

    /// What the client has got so far.
    pub fn client(&self) -> ClientResponse {
        self.process.lock().client_so_far(self.id)
    }

    /// What upstreams have got so far.
    pub fn upstream(&self) -> Vec<ReceivedRequest> {
        self.process.lock().upstream_so_far(self.id)
    }

    /// Delivers what is left of the request and runs until the exchange is over. A second call returns an empty
    /// exchange.
    pub fn finish(&self) -> Exchange {
        self.process.lock().finish(self.id)
    }
}
