//! A lab from its start to its end.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use conformance_servers::Network;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::control_plane::ControlPlane;
use super::options::{Options, Reset};
use super::registrars::Registrars;
use super::{state_file, welcome};
use crate::world::{World, WorldOptions};

/// Starts everything, serves until SIGINT or SIGTERM, and ends everything.
pub(super) async fn run(options: &Options, dns_only: bool) -> Result<()> {
    let mut end = End::listen()?;
    fs::create_dir_all(&options.directory)?;
    let _lock = lock(options)?;
    fs::remove_file(options.state_file()).ok();
    if options.reset == Reset::Yes && options.state_directory().exists() {
        fs::remove_dir_all(options.state_directory())?;
    }
    tokio::select! {
        // Servers that have been started by then end with their values.
        () = end.wanted() => Ok(()),
        lab = Lab::start(options, dns_only) => lab?.serve(options, &mut end).await,
    }
}

/// The two signals that end a lab.
struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wanted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

struct Lab {
    control_plane: Option<ControlPlane>,
    registrars: Option<Registrars>,
    world: World,
}

impl Lab {
    async fn start(options: &Options, dns_only: bool) -> Result<Self> {
        let directory = options.state_directory();
        fs::create_dir_all(&directory)?;
        let world = WorldOptions {
            directory: directory.canonicalize()?,
            network: Network::fixed(53, 0),
            port: options.dns_port,
            layout: options.layout(),
            store: options.store(),
        };
        println!("Starting the name servers …");
        let world = World::start(&world).await?;
        if dns_only {
            return Ok(Self {
                control_plane: None,
                registrars: None,
                world,
            });
        }
        println!("Starting the registrars …");
        let directory = directory.canonicalize()?;
        let registrars =
            Registrars::start(&directory, Network::fixed(53, 0), options.dns_port, &world).await?;
        println!("Starting the control plane …");
        Ok(Self {
            control_plane: Some(ControlPlane::start(options, &world, &registrars).await?),
            registrars: Some(registrars),
            world,
        })
    }

    async fn serve(self, options: &Options, end: &mut End) -> Result<()> {
        self.tell(options)?;
        welcome::print(
            options,
            &self.world,
            self.registrars.as_ref(),
            self.control_plane.as_ref(),
        );
        while let Some(control_plane) = self.control_plane.as_ref() {
            tokio::select! {
                () = end.wanted() => break,
                () = died(control_plane) => {}
            }
            tokio::select! {
                () = end.wanted() => break,
                restarted = control_plane.restart() => match restarted {
                    Ok(()) => {
                        self.tell(options)?;
                        println!("The control plane had ended and was started again.");
                    }
                    Err(error) => {
                        eprintln!("The control plane does not start: {error:#}");
                        tokio::select! {
                            () = end.wanted() => break,
                            () = tokio::time::sleep(BETWEEN_STARTS) => {}
                        }
                    }
                },
            }
        }
        if self.control_plane.is_none() {
            end.wanted().await;
        }
        println!("Ending …");
        fs::remove_file(options.state_file()).ok();
        if let Some(control_plane) = &self.control_plane {
            control_plane.stop().await;
        }
        if let Some(registrars) = &self.registrars {
            registrars.stop().await;
        }
        self.world.stop().await;
        Ok(())
    }

    fn tell(&self, options: &Options) -> Result<()> {
        state_file::write(
            &options.state_file(),
            &self.world,
            self.registrars.as_ref(),
            self.control_plane.as_ref(),
        )
    }
}

/// After a start that failed.
const BETWEEN_STARTS: Duration = Duration::from_secs(2);

/// Waits until the control plane does not run any more.
async fn died(control_plane: &ControlPlane) {
    while control_plane.pid().is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Keeps a second lab out of the folder. The file holds the number of our process, for [`super::background::stop`].
fn lock(options: &Options) -> Result<File> {
    let path = options.directory.join("lock");
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("a lab is running in {} already", options.directory.display()),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)?;
    write!(file, "{}", std::process::id())?;
    Ok(file)
}
