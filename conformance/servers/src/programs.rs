//! Finding the programs we run. Server programs are often outside the `PATH` of an ordinary user.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The path of `program`; `package` is what brings it on Debian, for the message when it is missing.
pub(crate) fn find(program: &str, package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file());
    match found {
        Some(path) => Ok(path),
        None => bail!("the program `{program}` is not installed (Debian package {package})"),
    }
}

/// The folder of the newest installed PostgreSQL server; Debian keeps one folder for each major version.
pub(crate) fn postgres_folder() -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    match newest {
        Some(folder) if folder.join("initdb").is_file() => Ok(folder),
        _ => Ok(find("initdb", "postgresql")?
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default()),
    }
}

/// The file with the tables of a PowerDNS back end (`sqlite3` or `pgsql`), from the package of the installed version, so that
/// the two always fit.
pub(crate) fn powerdns_schema(backend: &str) -> Result<PathBuf> {
    // The first is Debian's copy outside the documentation, which minimal images leave out.
    let candidates = [
        format!("/usr/share/pdns-backend-{backend}/schema/schema.{backend}.sql"),
        format!("/usr/share/doc/pdns-backend-{backend}/schema.{backend}.sql"),
        format!("/usr/share/doc/pdns/schema.{backend}.sql"),
    ];
    match candidates
        .iter()
        .map(PathBuf::from)
        .find(|candidate| candidate.is_file())
    {
        Some(path) => Ok(path),
        None => {
            bail!("no schema for the PowerDNS back end {backend} (Debian package pdns-backend-{backend})")
        }
    }
}
