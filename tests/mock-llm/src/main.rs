//! `mock-llm`: the mock as a program.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use tollgate_mock_llm::{HEADER_PREFIX, KNOBS, MockLlm, Options};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match Command::parse(&mut arguments) {
        Ok(Command::Help) => help(&mut io::stdout().lock()).map_err(|error| error.to_string()),
        Ok(Command::Probe(address)) => probe(&address).map_err(|error| format!("{address}: {error}")),
        Ok(Command::Serve(options)) => serve(*options),
        Err(error) => Err(format!("{error} (see --help)")),
    };
    match done {
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
            let (flag, given) = match argument.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let Some(flag) = flag.strip_prefix("--") else { return Err(format!("`{flag}` is no flag")) };
            if flag == "help" {
                return Ok(Command::Help);
            }
            let value = given.or_else(|| arguments.next()).ok_or(format!("--{flag} wants a value"))?;
            match flag {
                "probe" => return Ok(Command::Probe(value)),
                "listen" => {
                    let (name, address) = value.split_once('=').ok_or("--listen wants NAME=ADDRESS")?;
                    options.listeners.push((name.to_owned(), resolve(address)?));
                }
                "record" => {
                    options.record = match value.as_str() {
                        "on" => true,
                        "off" => false,
                        _ => return Err("--record wants on or off".to_owned()),
                    };
                }
                "record-body-bytes" => {
                    options.record_body_bytes = value.parse().map_err(|_| "--record-body-bytes wants a number")?;
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
    let mut found = address.to_socket_addrs().map_err(|error| format!("{address}: {error}"))?;
    found.next().ok_or(format!("{address} is no address"))
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

/// Asks the mock at `address` for its health, as a container does that holds no other program.
fn probe(address: &str) -> io::Result<()> {
    let patience = Some(Duration::from_secs(2));
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(patience)?;
    stream.set_write_timeout(patience)?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(io::Error::other("not healthy")) }
}

fn help(out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(
        b"mock-llm: a deterministic mock of LLM providers

mock-llm [--listen NAME=ADDRESS]... [--KNOB VALUE]...

  --listen NAME=ADDRESS      serve this address (port 0: a free one) as the upstream NAME; may be repeated
                             (default mock=127.0.0.1:8080)
  --record on|off            record requests for GET /received (default on)
  --record-body-bytes N      how much of a body is recorded (default 1048576)
  --probe ADDRESS            only ask a running mock for its health
  --help                     this text

Speaks OpenAI (chat, completions, Responses, embeddings, moderations, audio, images), Anthropic, Gemini, Bedrock, Cohere
and Ollama, told apart by the path, under any prefix.
Prints the bound addresses as one line of JSON: {\"NAME\":\"ADDRESS\"}.
A prompt with a line that begins with `say:` is answered with what follows it; one with `deltas: [\"a\", \"b\"]` with
these texts, each a delta of its own when streamed.

Knobs. Each is a flag, --NAME VALUE, and a header of a request, ",
    )?;
    writeln!(out, "{HEADER_PREFIX}NAME: VALUE, that goes before the flag.\n")?;
    for knob in KNOBS {
        writeln!(out, "  {:<20} {}\n{:23}e.g. {}", knob.name, knob.help, "", knob.example)?;
    }
    Ok(())
}
