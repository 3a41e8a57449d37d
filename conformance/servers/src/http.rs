//! As much HTTP/1.1 as a proxy in front of the PowerDNS API needs: one request with a body of known length, one reply,
//! then the connection ends. PowerDNS closes after each reply anyway.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest head of a request or a reply.
const HEAD: usize = 64 * 1024;

/// A request as it came, with what a proxy must know of it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Header lines other than `Connection`.
    headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub(crate) fn get(target: &str, api_key: &str) -> Self {
        let headers = vec!["Host: localhost".to_owned(), format!("X-API-Key: {api_key}")];
        Self {
            method: "GET".to_owned(),
            target: target.to_owned(),
            headers,
            body: Vec::new(),
        }
    }

    /// Reads one request; `None` when the client closed without sending one.
    pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut buffer = Vec::new();
        let head_end = loop {
            if let Some(end) = end_of_head(&buffer) {
                break end;
            }
            if buffer.len() > HEAD {
                return Err(invalid("the head of the request is too large"));
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return if buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        };
        let mut body = buffer.split_off(head_end);
        let head = String::from_utf8(buffer).map_err(|_| invalid("the head of the request is not text"))?;
        let mut lines = head.lines().filter(|line| !line.is_empty());
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(invalid("not an HTTP request"));
        };
        let headers: Vec<String> = lines
            .filter(|line| header(line, "connection").is_none())
            .map(str::to_owned)
            .collect();
        if headers
            .iter()
            .any(|line| header(line, "transfer-encoding").is_some())
        {
            return Err(invalid("bodies without a length are not supported"));
        }
        let length = headers
            .iter()
            .find_map(|line| header(line, "content-length"))
            .unwrap_or("0");
        let length: usize = length.parse().map_err(|_| invalid("not a length"))?;
        let have = body.len();
        if have > length {
            return Err(invalid("more than one request at a time is not supported"));
        }
        body.resize(length, 0);
        stream.read_exact(&mut body[have..]).await?;
        Ok(Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body,
        }))
    }

    /// Sends the request to `server` and gives back the whole reply, which says that its connection ends.
    pub(crate) async fn send(&self, server: SocketAddr) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(server).await?;
        let headers = self.headers.join("\r\n");
        let head = format!(
            "{} {} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n",
            self.method, self.target
        );
        stream.write_all(&[head.as_bytes(), &self.body].concat()).await?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await?;
        let Some(end) = end_of_head(&reply) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let head = String::from_utf8_lossy(&reply[..end]);
        if !head.lines().any(|line| header(line, "connection").is_some()) {
            // Before the empty line that ends the head.
            reply.splice(end - 2..end - 2, *b"Connection: close\r\n");
        }
        Ok(reply)
    }
}

/// A reply of the proxy's own.
pub(crate) fn reply(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} \r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

/// The status of a whole reply.
pub(crate) fn status(reply: &[u8]) -> Option<u16> {
    std::str::from_utf8(reply.get(9..12)?).ok()?.parse().ok()
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|position| position + 4)
}

/// The value of a header line when it has that name.
fn header<'line>(line: &'line str, name: &str) -> Option<&'line str> {
    let (found, value) = line.split_once(':')?;
    found.eq_ignore_ascii_case(name).then(|| value.trim())
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
