//! `mock-llm`: the command-line program around the mock.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use tollgate_mock_llm::{HEADER_PREFIX, KNOBS, MockLlm, Options};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let result = match Command::parse(&mut arguments) {
        Ok(Command::Help) => help(&mut io::stdout().lock()).map_err(|error| error.to_string()),
        Ok(Command::Probe(address)) => probe(&address).map_err(|error| format!("{address}: {error}")),
        Ok(Command::Serve(options)) => serve(*options),
        Err(error) => Err(format!("{error} (see --help)")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "mock-llm: {error}");
            ExitCode::FAILURE
        }
    }
}

enum Command {
    Help,
    Probe(String),
    Serve(Box<Options>),
}

impl Command {
    fn parse(arguments: &mut dyn Iterator<Item = String>) -> Result<Command, String> {
        let mut options = Options::new(Vec::new());
        while let Some(argument) = arguments.next() {
            let (flag, inline_value) = match argument.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let Some(flag) = flag.strip_prefix("--") else { return Err(format!("unknown argument `{flag}`")) };
            if flag == "help" {
                return Ok(Command::Help);
            }
            let value = inline_value.or_else(|| arguments.next()).ok_or(format!("--{flag} requires a value"))?;
            match flag {
                "probe" => return Ok(Command::Probe(value)),
                "listen" => {
                    let (name, address) = value.split_once('=').ok_or("--listen requires NAME=ADDRESS")?;
                    options.listeners.push((name.to_owned(), resolve(address)?));
                }
                "record" => {
                    options.record = match value.as_str() {
                        "on" => true,
                        "off" => false,
                        _ => return Err("--record requires on or off".to_owned()),
                    };
                }
                "record-body-bytes" => {
                    options.record_body_bytes = value.parse().map_err(|_| "--record-body-bytes requires a number")?;
                }
                knob => options.knobs.set(knob, value.as_bytes()).map_err(|error| error.to_string())?,
            }
        }
        if options.listeners.is_empty() {
            options.listeners.push(("mock".to_owned(), SocketAddr::from(([127, 0, 0, 1], 8080))));
        }
        Ok(Command::Serve(Box::new(options)))
    }
}

fn resolve(address: &str) -> Result<SocketAddr, String> {
    let mut addresses = address.to_socket_addrs().map_err(|error| format!("{address}: {error}"))?;
    addresses.next().ok_or(format!("{address} does not resolve to an address"))
}

fn serve(options: Options) -> Result<(), String> {
    let mock = MockLlm::start(options).map_err(|error| error.to_string())?;
    let bound: serde_json::Map<String, serde_json::Value> =
        mock.addresses().iter().map(|(name, address)| (name.clone(), address.to_string().into())).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::Value::Object(bound))
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())?;
    drop(out);
    mock.join();
    Ok(())
}

/// Checks the health of the mock at `address`, for container images that contain no other HTTP client.
fn probe(address: &str) -> io::Result<()> {
    let timeout = Some(Duration::from_secs(2));
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(timeout)?;
    stream.set_write_timeout(timeout)?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    if response.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(io::Error::other("not healthy")) }
}

fn help(out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(
        b"mock-llm: deterministic mock of LLM providers

mock-llm [--listen NAME=ADDRESS]... [--KNOB VALUE]...

  --listen NAME=ADDRESS      listen on this address (port 0: any free port) as the upstream NAME; may be repeated
                             (default mock=127.0.0.1:8080)
  --record on|off            record requests, for GET /received (default on)
  --record-body-bytes N      record at most N bytes of each body (default 1048576)
  --probe ADDRESS            check the health of a running mock, and exit
  --help                     print this help

Speaks OpenAI (chat, completions, Responses, embeddings, moderations, audio, images), Anthropic, Gemini, Bedrock, Cohere
and Ollama. The path selects the API, under any prefix.
Prints the bound addresses as one line of JSON: {\"NAME\":\"ADDRESS\"}.
If a line of the prompt begins with `say:`, the response is the text after it, to the end of the prompt; if one begins
with `deltas: [\"a\", \"b\"]`, it is these texts, each as one delta when streamed.

Knobs. Each is a flag, --NAME VALUE, and a request header, ",
    )?;
    writeln!(out, "{HEADER_PREFIX}NAME: VALUE, which overrides the flag.\n")?;
    for knob in KNOBS {
        writeln!(out, "  {:<20} {}\n{:23}e.g. {}", knob.name, knob.help, "", knob.example)?;
    }
    Ok(())
}
