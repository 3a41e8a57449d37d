//! One server process: started, signalled, and never left behind.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::future::Future;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::programs;

/// How long a server may take until it answers. Generous: machines that run many tests at once are slow.
const START: Duration = Duration::from_mins(1);
/// How long a server may take to end by itself before it is killed.
const END: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// How to run a server.
#[derive(Debug)]
pub struct Program {
    /// Its executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables that it gets on top of ours.
    pub environment: Vec<(OsString, OsString)>,
    /// Standard output and error are appended here.
    pub log: PathBuf,
    /// The system user to run as; `None` is our own.
    pub user: Option<&'static str>,
    /// What ends it.
    pub end: End,
}

/// The signals that end a server.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// SIGTERM from us; SIGKILL when we die.
    Terminate,
    /// SIGINT in both cases: PostgreSQL then closes connections and frees its shared memory.
    Interrupt,
}

impl End {
    fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::TERM,
            Self::Interrupt => Signal::INT,
        }
    }

    fn on_our_death(self) -> &'static str {
        match self {
            Self::Terminate => "KILL",
            Self::Interrupt => "INT",
        }
    }
}

/// A [`Program`] and, while it runs, its process. It ends with this value, or with the program that started it.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts nothing yet.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            child: Mutex::new(None),
        }
    }

    /// Starts the program, unless it runs, and waits until `ready` is true. An end before that is an error with the last
    /// lines of the log.
    pub async fn start<F: Future<Output = bool>>(&self, ready: impl Fn() -> F) -> Result<()> {
        if self.pid().is_some() {
            return Ok(());
        }
        *self.lock() = Some(self.spawn()?);
        let deadline = Instant::now() + START;
        loop {
            // The end is looked at first: `ready` must not be fooled by another server on the same port.
            if self.pid().is_none() {
                bail!(
                    "{} ended while starting: {}",
                    self.program.path.display(),
                    self.last_lines()
                );
            }
            if ready().await {
                return Ok(());
            }
            if Instant::now() > deadline {
                self.kill();
                bail!(
                    "{} does not answer: {}",
                    self.program.path.display(),
                    self.last_lines()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The id of the server's own process; `None` when it does not run.
    pub fn pid(&self) -> Option<u32> {
        let mut child = self.lock();
        match child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => child.as_ref().map(Child::id),
            _ => None,
        }
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(&self) {
        if let Some(mut child) = self.lock().take() {
            // Both fail only for a process that has already ended, which is what is wanted.
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Asks the process to end, waits, and kills it when it takes too long.
    pub async fn stop(&self) {
        self.ask_to_end();
        let deadline = Instant::now() + END;
        while self.pid().is_some() && Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
        }
        self.kill();
    }

    /// SIGSTOP: the process keeps its sockets and does nothing.
    pub fn suspend(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT: the process carries on.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        // Under the lock nobody reaps the child, so its number cannot have passed to another process.
        let child = self.lock();
        let pid = child
            .as_ref()
            .and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?));
        let pid = pid.with_context(|| format!("{} does not run", self.program.path.display()))?;
        kill_process(pid, signal).with_context(|| format!("cannot signal {}", self.program.path.display()))
    }

    fn ask_to_end(&self) {
        if self.pid().is_some() {
            // A suspended process gets the first signal only after the second. Failing means it has just ended.
            self.signal(self.program.end.signal()).ok();
            self.resume().ok();
        }
    }

    /// The last lines of the log, for error messages.
    fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.program.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    fn spawn(&self) -> Result<Child> {
        let program = &self.program;
        let log = OpenOptions::new().create(true).append(true).open(&program.log)?;
        // setpriv replaces itself by the server, so the number of the child is the server's own.
        let mut command = Command::new(programs::find("setpriv", "util-linux")?);
        command.args(["--pdeathsig", program.end.on_our_death()]);
        if let Some(user) = program.user {
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        command
            .arg("--")
            .arg(&program.path)
            .args(&program.arguments)
            .envs(program.environment.iter().cloned());
        // A group of its own: Ctrl-C in a terminal reaches us, and we end the servers in our order.
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir("/");
        launch(command).with_context(|| format!("cannot start {}", program.path.display()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child
            .lock()
            .expect("nothing panics while it holds the process")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.ask_to_end();
        let deadline = Instant::now() + END;
        while self.pid().is_some() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        self.kill();
    }
}

type Launch = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts a process from a thread that lives as long as ours: the kernel ends a child with the *thread* that made it, and
/// test threads and those of a runtime come and go.
fn launch(command: Command) -> Result<Child> {
    static LAUNCHER: LazyLock<mpsc::Sender<Launch>> = LazyLock::new(|| {
        let (sender, launches) = mpsc::channel::<Launch>();
        std::thread::spawn(move || {
            for (mut command, reply) in launches {
                // Nobody waits for the reply any more only if the caller's thread has gone.
                reply.send(command.spawn()).ok();
            }
        });
        sender
    });
    let (reply, child) = mpsc::channel();
    LAUNCHER
        .send((command, reply))
        .map_err(|_| anyhow!("the launching thread has ended"))?;
    Ok(child.recv().context("the launching thread has ended")??)
}
