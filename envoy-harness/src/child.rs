//! Child processes that never outlive their parent.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::error::Context;
use crate::{Error, Result};

/// Shell script that runs a command and watches a pipe on its standard input. Only the parent process holds the other end of
/// the pipe. When that end closes, on purpose or because the parent died in whatever way, the script kills the command and
/// then the whole process group: everything the command has started, and the shell itself. So no code has to run in a dying
/// parent, and once the shell has ended the command has ended too.
///
/// The shell is also the command's parent process. The Envoy of the PyPI package asks the kernel for SIGTERM when the
/// *thread* that started it ends; the only thread of the shell outlives Envoy.
const KEEPER: &str = r#"
pidfile=$1
files=$2
shift 2
exec 3<&0
"$@" </dev/null 3<&- &
command=$!
if [ -n "$pidfile" ]; then echo "$command" >"$pidfile"; fi
( read -r _ <&3; [ -z "$files" ] || rm -rf "$files"; kill -s KILL "$command" ) >/dev/null 2>&1 &
watch=$!
exec 3<&-
wait "$command" 2>/dev/null
status=$?
if [ "$status" = 137 ]; then kill -s KILL 0; fi
kill "$watch" 2>/dev/null
exit "$status"
"#;

/// Running command. Dropping it kills the command and every process the command has started.
#[derive(Debug)]
pub struct Child {
    keeper: std::process::Child,
}

/// Builder of a [`Child`].
#[derive(Debug)]
pub struct ChildBuilder {
    program: OsString,
    args: Vec<OsString>,
    pidfile: OsString,
    files: OsString,
    command: Command,
}

impl ChildBuilder {
    /// Creates a builder for a program, named by its path or found on PATH. Standard input is empty; output is inherited.
    pub fn new(program: impl AsRef<OsStr>) -> ChildBuilder {
        let mut command = Command::new("sh");
        // Own process group: an interrupt from the terminal reaches only the parent, which then decides.
        command.stdin(Stdio::piped()).process_group(0);
        let (pidfile, files) = (OsString::new(), OsString::new());
        ChildBuilder { program: program.as_ref().into(), args: Vec::new(), pidfile, files, command }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> ChildBuilder {
        self.args.push(arg.as_ref().into());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> ChildBuilder {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().into()));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> ChildBuilder {
        self.command.env(name, value);
        self
    }

    /// Sets the working directory.
    pub fn current_dir(mut self, dir: &Path) -> ChildBuilder {
        self.command.current_dir(dir);
        self
    }

    /// Redirects standard output.
    pub fn stdout(mut self, to: impl Into<Stdio>) -> ChildBuilder {
        self.command.stdout(to);
        self
    }

    /// Redirects standard error.
    pub fn stderr(mut self, to: impl Into<Stdio>) -> ChildBuilder {
        self.command.stderr(to);
        self
    }

    /// Writes the process id of the command to a file.
    pub fn pidfile(mut self, path: &Path) -> ChildBuilder {
        self.pidfile = path.into();
        self
    }

    /// Removes a directory when the command is killed, including after the death of the parent process.
    pub fn files(mut self, dir: &Path) -> ChildBuilder {
        self.files = dir.into();
        self
    }

    /// Starts the command.
    pub fn spawn(self) -> Result<Child> {
        let ChildBuilder { program, args, pidfile, files, mut command } = self;
        command.args(["-c", KEEPER, "keeper"]).arg(pidfile).arg(files).arg(&program).args(args);
        let keeper = command.spawn().context(|| format!("cannot start {}", program.to_string_lossy()))?;
        Ok(Child { keeper })
    }

    /// Starts the command and waits until it ends.
    pub fn run(self) -> Result<ExitStatus> {
        let program = self.program.clone();
        self.spawn()?.wait().context(|| program.to_string_lossy().into_owned())
    }
}

impl Child {
    /// Takes the pipe with the command's standard output, if it was piped.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.keeper.stdout.take()
    }

    /// Returns the exit status if the command has ended. 127: no such program; 128 + n: ended by signal n.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.keeper.try_wait().context(|| "cannot wait for a child".into())
    }

    /// Waits until the command ends.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        // `Child::wait` of std would close the pipe first and thereby kill the command.
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Waits until the command ends; an error once `limit` has passed.
    pub fn wait_for(&mut self, limit: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= end {
                return Err(Error::new(format!("still running after {limit:?}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the command and every process the command has started.
    pub fn kill(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};

    use super::*;
    use crate::scratch::Scratch;

    fn sh(script: &str) -> ChildBuilder {
        ChildBuilder::new("sh").args(["-c", script])
    }

    /// Returns `true` while a process (not a zombie) has that id.
    fn alive(pid: &str) -> bool {
        let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
        let state = String::from_utf8(state).unwrap();
        !state.trim().is_empty() && !state.trim_start().starts_with('Z')
    }

    fn ends_within(pid: &str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while alive(pid) {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    #[test]
    fn status_and_output_are_those_of_the_command() {
        let mut child = sh("echo out; exit 7").stdout(Stdio::piped()).spawn().unwrap();
        let mut out = String::new();
        child.take_stdout().unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(out, "out\n");
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }

    #[test]
    fn the_shell_does_not_interpret_arguments() {
        let mut child =
            ChildBuilder::new("printf").args(["%s|", "a b", "$HOME", "\"'"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = String::new();
        child.take_stdout().unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(out, "a b|$HOME|\"'|");
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_missing_program_exits_with_127() {
        let status = ChildBuilder::new("/no/such/program").stderr(Stdio::null()).run().unwrap();
        assert_eq!(status.code(), Some(127));
    }

    #[test]
    fn drop_kills_grandchildren() {
        let mut child = sh("sleep 600 & echo $!; trap '' TERM; wait").stdout(Stdio::piped()).spawn().unwrap();
        let mut grandchild = String::new();
        BufReader::new(child.take_stdout().unwrap()).read_line(&mut grandchild).unwrap();
        let grandchild = grandchild.trim();
        assert!(alive(grandchild));
        drop(child);
        assert!(ends_within(grandchild, Duration::from_secs(5)));
    }

    /// Kills the owner before it can clean up. The owner is this test binary, running the ignored test `owner`.
    #[test]
    fn a_child_ends_with_its_killed_owner() {
        let mut owner = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::tests::owner", "--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
        let owned =
            lines.map(|line| line.unwrap()).find_map(|line| Some(line.split_once("owner: ")?.1.to_owned())).unwrap();
        let (pid, files) = owned.split_once(' ').unwrap();
        let files = Path::new(files);
        assert!(alive(pid) && files.is_dir());
        owner.kill().unwrap();
        owner.wait().unwrap();
        assert!(ends_within(pid, Duration::from_secs(5)) && !files.exists());
    }

    #[test]
    #[ignore = "run by a_child_ends_with_its_killed_owner as the process to kill"]
    fn owner() {
        let scratch = Scratch::new("child").unwrap();
        let pidfile = scratch.path().join("pid");
        let _child = ChildBuilder::new("sleep").arg("600").pidfile(&pidfile).files(scratch.path()).spawn().unwrap();
        let pid = loop {
            match std::fs::read_to_string(&pidfile) {
                Ok(pid) if pid.ends_with('\n') => break pid,
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        println!("owner: {} {}", pid.trim(), scratch.path().display());
        std::thread::sleep(Duration::from_secs(600));
    }

    #[test]
    fn wait_for_gives_up_after_its_limit() {
        let mut child = ChildBuilder::new("sleep").arg("600").spawn().unwrap();
        assert!(child.wait_for(Duration::from_millis(20)).is_err());
    }
}
