//! A hundred ordinary requests, which show that no worker was lost.

use std::time::Duration;

use super::Run;
use crate::chat::Chat;
use crate::client::{self, End, Http1, Http2, Response};

impl Run {
    /// Sends a hundred ordinary requests: half of them one after the other on one connection, half of them at once on another.
    pub async fn hundred_more(&mut self) {
        // They are all the same: the wasm traces of the first hundred are enough to search.
        let quiet = std::mem::replace(&mut self.traced_hundred, true);
        if quiet {
            self.log_level("warning");
        }
        self.send_hundred().await;
        if quiet {
            self.log_level("trace");
        }
    }

    /// Changes the log level of wasm.
    fn log_level(&mut self, level: &str) {
        let path = format!("/logging?wasm={level}");
        let post = tollgate_envoy_harness::blocking::Request::post(&path, &[], b"");
        let status = post.send(self.gateway.admin().address(), Duration::from_secs(10)).map(|response| response.status);
        self.findings.same("status of a change of the log level", status, Ok(200));
    }

    async fn send_hundred(&mut self) {
        let chat = Chat::new().knob("answer", "pong");
        let request = chat.at("/v1/chat/completions");
        let to = self.gateway.address();
        let sequential = async {
            let mut connection = Http1::connect(to).await.map_err(|error| error.to_string())?;
            let mut responses = Vec::new();
            for _ in 0..50 {
                responses.push(client::exchange_http1(&mut connection, to, &request).await?);
            }
            Ok::<_, String>(responses)
        };
        let at_once = async {
            let connection = Http2::connect(to).await.map_err(|error| error.to_string())?;
            let requests = (0..50).map(|_| client::exchange_http2(&connection, to, &request));
            futures_util::future::try_join_all(requests).await
        };
        let both = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(sequential, at_once) }).await;
        let Ok((sequential, at_once)) = both else {
            return self.findings.add("not all responses within 30 s");
        };
        for responses in [sequential, at_once] {
            match responses {
                Err(error) => self.findings.add(error),
                Ok(responses) => {
                    let pong = |response: &&Response| {
                        response.status == 200 && response.end == End::Complete && response.decoded().text() == "pong"
                    };
                    let right = responses.iter().filter(pong).count();
                    self.findings.same("right responses of 50", right, 50);
                    if let Some(wrong) = responses.iter().find(|response| !pong(response)) {
                        self.findings.add(format_args!("one of them: {} {:?}", wrong.status, wrong.text()));
                    }
                }
            }
        }
    }
}
