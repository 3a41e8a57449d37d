//! BIND 9. The `port` of its options is both where it listens and where it asks authoritative servers, so a whole tree of
//! servers on one high port can be resolved without privileges.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{ResolverBuilder, write};
use crate::programs;

pub(super) fn prepare(
    builder: &ResolverBuilder,
    directory: &Path,
    dns: SocketAddr,
) -> Result<(PathBuf, Vec<OsString>)> {
    let (folder, address, port) = (directory.display(), dns.ip(), dns.port());
    let (cache, anchor) = (builder.cache_seconds, &builder.anchor);
    // Empty zones would answer for names in 127.in-addr.arpa and the like; `relaxed` lets a server that answers a
    // shortened question wrongly still be used; the failure cache would keep an outage alive after it has ended.
    let content = format!(
        r#"options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    port {port};
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    recursion yes;
    allow-query {{ 127.0.0.0/8; }};
    dnssec-validation yes;
    qname-minimization relaxed;
    empty-zones-enable no;
    max-cache-ttl {cache};
    max-ncache-ttl {cache};
    servfail-ttl 0;
    lame-ttl 0;
}};
controls {{ }};
zone "." {{ type hint; file "root.hints"; }};
trust-anchors {{ "." static-key {numbers} "{key}"; }};
"#,
        numbers = anchor.flags_protocol_algorithm,
        key = anchor.key,
    );
    let file = write(directory, "named.conf", &content)?;
    // -g: in the foreground, log to standard error.
    Ok((
        programs::find("named", "bind9")?,
        vec!["-g".into(), "-n".into(), "1".into(), "-c".into(), file.into()],
    ))
}
