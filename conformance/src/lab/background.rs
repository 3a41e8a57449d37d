//! A lab that goes on after its command has returned.

use std::fs::{self, File, TryLockError};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::options::Options;

const POLL: Duration = Duration::from_millis(50);
/// The servers of a lab end one after another, each within ten seconds at most.
const END: Duration = Duration::from_mins(2);

/// Starts a lab and returns when it is up; what it prints goes to its log.
pub(super) async fn start(options: &Options) -> Result<()> {
    fs::create_dir_all(&options.directory)?;
    if running(options)? {
        bail!(
            "a lab is running in {} already; `conformance lab stop` ends it",
            options.directory.display()
        );
    }
    fs::remove_file(options.state_file()).ok();
    let log = File::create(options.log())?;
    // A session of its own, so that it does not end with the terminal. The options reach it as ours reached us.
    let mut command = Command::new("setsid");
    command.arg(std::env::current_exe()?).args(
        std::env::args_os()
            .skip(1)
            .filter(|argument| argument != "--detach"),
    );
    let mut lab = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot run setsid")?;
    while !options.state_file().exists() {
        if let Some(status) = lab.try_wait()? {
            let log = fs::read_to_string(options.log()).unwrap_or_default();
            bail!("the lab did not start ({status}):\n{}", log.trim());
        }
        tokio::time::sleep(POLL).await;
    }
    let file = options.state_file();
    println!(
        "The lab is up: see {}, and {} for what it prints.",
        file.display(),
        options.log().display()
    );
    Ok(())
}

/// Ends the lab and returns when it has ended. No lab is no error.
pub(super) async fn stop(options: &Options) -> Result<()> {
    if !running(options)? {
        println!("No lab is running in {}.", options.directory.display());
        return Ok(());
    }
    let pid = fs::read_to_string(options.directory.join("lock"))?;
    // While the lab holds the lock, the number in it is the lab's.
    let status = Command::new("kill").args(["-TERM", pid.trim()]).status().await?;
    if !status.success() {
        bail!("cannot end the lab, process {pid}");
    }
    let ended = async {
        while running(options)? {
            tokio::time::sleep(POLL).await;
        }
        Ok::<(), anyhow::Error>(())
    };
    tokio::time::timeout(END, ended)
        .await
        .context("the lab does not end")?
}

/// Whether a lab holds the lock of this folder.
fn running(options: &Options) -> Result<bool> {
    let Ok(file) = File::open(options.directory.join("lock")) else {
        return Ok(false);
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error).context("cannot look at the lock"),
    }
}
