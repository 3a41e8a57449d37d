//! Unbound. It asks authoritative servers on port 53 only.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{ResolverBuilder, write};
use crate::programs;

/// Names that Unbound answers itself (RFC 6761 and others) unless told that they are ordinary here.
const ORDINARY_HERE: [&str; 2] = ["test.", "127.in-addr.arpa."];

pub(super) fn prepare(
    builder: &ResolverBuilder,
    directory: &Path,
    dns: SocketAddr,
) -> Result<(PathBuf, Vec<OsString>)> {
    let (folder, address, port) = (directory.display(), dns.ip(), dns.port());
    let cache = builder.cache_seconds;
    let anchor = write(directory, "root.key", &format!("{}\n", builder.anchor.line()))?;
    let ordinary: String = ORDINARY_HERE
        .map(|name| format!("    local-zone: \"{name}\" nodefault\n"))
        .concat();
    let content = format!(
        r#"server:
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    interface: {address}
    port: {port}
    do-ip6: no
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    root-hints: "{folder}/root.hints"
    trust-anchor-file: "{anchor}"
    cache-max-ttl: {cache}
    cache-max-negative-ttl: {cache}
    val-bogus-ttl: {cache}
    infra-host-ttl: {cache}
{ordinary}remote-control:
    control-enable: no
"#,
        anchor = anchor.display(),
    );
    let file = write(directory, "unbound.conf", &content)?;
    Ok((
        programs::find("unbound", "unbound")?,
        vec!["-d".into(), "-c".into(), file.into()],
    ))
}
