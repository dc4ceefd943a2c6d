//! Upstreams that do not exist, or close the connection before they respond.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};

use crate::chat::Chat;
use crate::client::{Framing, Stay};
use crate::deployment::Deployment;
use crate::run::Run;
use crate::scenario::Want;

/// Runs all checks.
pub async fn all() {
    // An address where nobody listens any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // A request that was never sent costs nothing; one that an upstream may have processed costs its input.
    fails("nobody there", closed, &[("usage_source", "none".into()), ("cost_nano_usd", 0.into())]).await;
    // Including the tokens of Llama's template.
    let input = [("usage_source", "counted".into()), ("input_tokens", 37.into()), ("output_tokens", 0.into())];
    fails("closed without a response", closing(), &input).await;
}

async fn fails(what: &'static str, upstream: SocketAddr, record: &[(&'static str, Want)]) {
    let bundle = Deployment { name: "bundle", ..Deployment::bundle() };
    let mut run = Run::start_with(bundle, |bootstrap| bootstrap.upstream("local", upstream).unwrap());
    for streamed in [false, true] {
        for &framing in Framing::ALL {
            run.findings.about(format_args!("{what}, streamed: {streamed} / {framing}"));
            let chat = Chat::saying("hello world").model("llama-3.1-8b");
            let chat = if streamed { chat.streamed() } else { chat };
            if let Some(seen) = run.ask(&chat, framing, Stay::ToTheEnd, record).await {
                run.findings.same("status", seen.response.status, 503);
            }
        }
    }
    run.findings.about(format_args!("{what} / a hundred more requests"));
    run.hundred_more().await;
    run.finish().await;
}

/// Starts a server that accepts connections, reads once, and closes them.
fn closing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 64 << 10]);
        }
    });
    address
}
