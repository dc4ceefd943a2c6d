//! smoke
use std::time::Instant;
use tollgate_host::*;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let t = Instant::now();
    let module = Module::from_file(&path).unwrap();
    println!("compile {:?} {:?}", t.elapsed(), module.imports().partial);
    let process = Process::builder().trace(true).log_level(Level::Debug).build();
    process.cluster("up", |r| { Reply::json(br#"{"id":"x","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}}"#.to_vec()) });
    let t = Instant::now();
    let mut b = Listener::builder();
    for root in std::env::args().skip(2) {
        let (root, config) =
            root.split_once('=').map(|(a, b)| (a.to_string(), b.to_string())).unwrap_or((root.clone(), "{}".into()));
        b = b.plugin(
            Plugin::new(root.clone(), module.clone())
                .root_id(root.as_str())
                .vm_id("v")
                .configuration(config.into_bytes())
                .allow_on_headers_stop_iteration(true),
        );
    }
    let l =
        b.route(Route::header_present("x-sse").cluster("sse")).route(Route::prefix("/").cluster("up")).start(&process);
    println!("start {:?}", t.elapsed());
    let l = match l {
        Ok(l) => l,
        Err(e) => {
            println!("{e}");
            for l in e.log {
                println!("  {l}");
            }
            return;
        }
    };
    let t = Instant::now();
    let x = l.send(
        Request::post("/v1/chat/completions")
            .header("content-type", "application/json")
            .header("x-tollgate-consumer", "bob")
            .body(br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi there"}]}"#.to_vec())
            .split(Split::Bytes(20)),
    );
    println!("send {:?}", t.elapsed());
    print!("{}", x.trace);
    println!("{:#?}", x.client);
    println!(
        "{:?}",
        x.filter_state.iter().map(|(k, v)| (k.clone(), String::from_utf8_lossy(v).into_owned())).collect::<Vec<_>>()
    );
    for l in &x.log {
        println!("LOG {l}");
    }
    process.cluster("sse", |_| Reply::sse(["data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"write to joe@exa\"}}]}\n\n","data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"mple.com now\"},\"finish_reason\":\"stop\"}]}\n\n","data: [DONE]\n\n"]).split(Split::Bytes(60)));
    let x = l.send(
        Request::post("/v1/chat/completions")
            .header("x-sse", "1")
            .http2()
            .header("x-tollgate-consumer", "bob")
            .header("content-type", "application/json")
            .body(br#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hi there"}]}"#.to_vec())
            .split(Split::Bytes(20)),
    );
    print!("{}", x.trace);
    println!("{:#?}", x.client.end);
    println!("{}", x.client.text());
    println!(
        "{:?}",
        x.filter_state.iter().map(|(k, v)| (k.clone(), String::from_utf8_lossy(v).into_owned())).collect::<Vec<_>>()
    );
    let t = Instant::now();
    for _ in 0..200 {
        let x = l.send(
            Request::post("/v1/chat/completions")
                .header("content-type", "application/json")
                .header("x-tollgate-consumer", "bob")
                .body(br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi there"}]}"#.to_vec()),
        );
        assert_eq!(x.client.status, 200);
    }
    println!("200 sends {:?}", t.elapsed());
}
