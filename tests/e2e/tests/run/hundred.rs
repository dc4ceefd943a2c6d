//! A hundred ordinary requests, to see that no worker was lost.

use std::time::Duration;

use super::Run;
use crate::chat::Chat;
use crate::client::{Answer, End, Framing, Http1, Http2, Stay};
use crate::heard::Heard;

impl Run {
    /// A hundred ordinary requests, half of them one after the other on one connection, half of them at once on another.
    pub async fn hundred_more(&mut self) {
        // They are all the same: what wasm says of the first hundred is enough to search.
        let quiet = std::mem::replace(&mut self.heard_hundred, true);
        if quiet {
            self.log_level("warning");
        }
        self.send_hundred().await;
        if quiet {
            self.log_level("trace");
        }
    }

    /// Changes what Envoy logs of wasm.
    fn log_level(&mut self, level: &str) {
        let path = format!("/logging?wasm={level}");
        let post = tollgate_testbed::http::Request::post(&path, &[], b"");
        let status = post.send(self.gateway.admin(), Duration::from_secs(10)).map(|answer| answer.status);
        self.findings.same("status of a change of the log level", status, Ok(200));
    }

    async fn send_hundred(&mut self) {
        let chat = Chat::new().knob("answer", "pong");
        let request = chat.at("/v1/chat/completions");
        let to = self.gateway.address();
        let sequential = async {
            let mut connection = Http1::connect(to).await?;
            let mut answers = Vec::new();
            for _ in 0..50 {
                answers.push(connection.exchange(&request, Framing::Http1Length, Stay::ToTheEnd).await?);
            }
            Ok::<_, String>(answers)
        };
        let at_once = async {
            let connection = Http2::connect(to).await?;
            let requests = (0..50).map(|_| connection.exchange(&request, Framing::Http2Whole, Stay::ToTheEnd));
            futures_util::future::try_join_all(requests).await
        };
        let both = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(sequential, at_once) }).await;
        let Ok((sequential, at_once)) = both else {
            return self.findings.add("not all answered within 30 s");
        };
        for answers in [sequential, at_once] {
            match answers {
                Err(error) => self.findings.add(error),
                Ok(answers) => {
                    let pong = |answer: &&Answer| {
                        answer.status == 200 && answer.end == End::Clean && Heard::of(answer).text() == "pong"
                    };
                    let right = answers.iter().filter(pong).count();
                    self.findings.same("right answers of 50", right, 50);
                    if let Some(wrong) = answers.iter().find(|answer| !pong(answer)) {
                        self.findings.add(format_args!("one of them: {} {:?}", wrong.status, wrong.text()));
                    }
                }
            }
        }
    }
}
