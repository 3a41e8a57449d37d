//! What the kernel knows of a process: its memory and its processor time (proc(5)).

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Resident memory of a process.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Now, KiB.
    pub now: u64,
    /// The most since its start or since [`forget_peak`], KiB.
    pub peak: u64,
}

/// The resident memory of a process.
pub fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix(':')?
                    .trim()
                    .strip_suffix(" kB")
            })
            .and_then(|number| number.trim().parse().ok())
            .with_context(|| format!("/proc/{pid}/status has no {name}"))
    };
    Ok(Memory {
        now: field("VmRSS")?,
        peak: field("VmHWM")?,
    })
}

/// Starts the peak anew from what is resident now.
pub fn forget_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("cannot reset the peak of memory")
}

/// Processor time that a process has used, all threads together.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    /// Of the units in /proc, per second: fixed on Linux for what user space sees (USER_HZ).
    const TICKS: u64 = 100;

    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program may hold anything but ends with the last parenthesis.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("/proc/PID/stat has no times")?;
    Ok(Duration::from_millis((user + system) * 1000 / TICKS))
}
