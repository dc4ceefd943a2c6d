//! Sending a response to the client: the connection manager and the codec, behind the last filter.

use super::chain::status_of;
use super::{ActiveStream, ChainOutput, StreamEnd, http_date};
use crate::{End, Headers};

impl ActiveStream {
    /// Sends response headers: edits them as Envoy's connection manager does, and writes them out.
    pub(super) fn send_headers(&mut self, mut headers: Headers, end: bool) {
        self.headers_sent = true;
        if self.parent != 0 {
            self.send_to_parent(ChainOutput::ResponseHeaders(headers, end), end);
            return;
        }
        headers.remove("transfer-encoding");
        headers.remove("keep-alive");
        headers.remove("connection");
        headers.set("server", "envoy");
        if !headers.contains("date") {
            headers.add("date", http_date::format(self.info.start_ns));
        }
        if !self.http2 && !self.request.observed_end {
            headers.add("connection", "close");
        }
        if !self.response.aborted {
            // The filters' own map is the one that was sent; after a direct local reply they still see the upstream's.
            self.response.headers = Some(headers.clone());
        }
        self.sent = Some(headers.clone());
        let bodiless = matches!(headers.text(":status"), Some("204" | "304"));
        if !self.http2 && !bodiless && !self.head_request && !headers.contains("content-length") {
            // The codec adds one of these on the wire.
            if end {
                headers.add("content-length", "0");
            } else {
                headers.add("transfer-encoding", "chunked");
            }
        }
        self.info.response_headers_size = u64::try_from(headers.byte_size()).unwrap_or(u64::MAX);
        self.info.code = status_of(&headers);
        self.client.status = self.info.code;
        self.client.headers = headers;
        self.finish_response(end);
    }

    /// Sends a frame of the response body.
    pub(super) fn send_data(&mut self, bytes: Vec<u8>, end: bool) {
        if self.parent != 0 {
            self.send_to_parent(ChainOutput::ResponseData(bytes, end), end);
            return;
        }
        self.info.sent += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if !bytes.is_empty() && !self.head_request {
            self.receive(bytes);
        }
        self.finish_response(end);
    }

    /// Sends response trailers, which end the response.
    pub(super) fn send_trailers(&mut self, trailers: Headers) {
        if self.parent != 0 {
            self.send_to_parent(ChainOutput::ResponseTrailers(trailers), true);
            return;
        }
        self.info.response_trailers_size = u64::try_from(trailers.byte_size()).unwrap_or(u64::MAX);
        self.client.trailers = Some(trailers);
        self.finish_response(true);
    }

    /// Hands a part of the response to the stream in front of whose upstream this chain runs.
    fn send_to_parent(&mut self, output: ChainOutput, end: bool) {
        self.outputs.push_back(output);
        if end {
            self.over = Some(StreamEnd::Complete);
        }
    }

    fn finish_response(&mut self, end: bool) {
        if !end || self.over.is_some() {
            return;
        }
        self.over = Some(StreamEnd::Complete);
        let bodiless = self.head_request || matches!(self.client.status, 204 | 304);
        self.client.end = match self.remaining_content_length() {
            Some(missing) if missing > 0 && !bodiless && self.http2 => End::Truncated,
            Some(missing) if missing > 0 && !bodiless => {
                End::Stalled(format!("the response ended {missing} bytes short of its content-length"))
            }
            _ => End::Complete,
        };
    }

    /// Returns how many bytes of the announced `content-length` have not been sent, if one was announced.
    fn remaining_content_length(&self) -> Option<usize> {
        let length: usize = self.client.headers.text("content-length")?.parse().ok()?;
        let so_far: usize = self.client.frames.iter().map(Vec::len).sum();
        Some(length.saturating_sub(so_far))
    }

    /// Delivers bytes to the client. An HTTP/1 client reads no further than the announced length.
    fn receive(&mut self, mut bytes: Vec<u8>) {
        if let Some(remaining) = self.remaining_content_length()
            && bytes.len() > remaining
        {
            if self.http2 {
                // The codec refuses to send it.
                self.over = Some(StreamEnd::Reset);
                self.client.end = End::Truncated;
                return;
            }
            self.client.excess_bytes += bytes.len() - remaining;
            bytes.truncate(remaining);
        }
        if !bytes.is_empty() {
            self.client.frames.push(bytes);
        }
    }
}
