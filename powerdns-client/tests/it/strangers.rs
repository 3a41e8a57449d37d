//! Answers that PowerDNS does not give, but something between might: a wrong address, a proxy that meddles.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use crate::common::{assert_fails, client, name, new_zone};
use anyhow::Result;
use powerdns_client::{Client, Config, Effect, ErrorKind, NewZone, ZoneFilter};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answers every request with the same bytes, and with blanks without end behind them if `endless`.
async fn stranger(answer: impl Into<Vec<u8>>, endless: bool) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (address, answer) = (listener.local_addr()?, answer.into());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                read_request(&mut stream).await?;
                stream.write_all(&answer).await?;
                if endless {
                    loop {
                        stream.write_all(&[b' '; 4096]).await?;
                    }
                }
                stream.shutdown().await
            });
        }
    });
    Ok(address)
}

/// Reads to the end of the request: closing with bytes unread would reset the connection.
async fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut body = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.trim_end().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", length)) => body = length.parse().map_err(io::Error::other)?,
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; body]).await.map(drop)
}

fn client_of(address: SocketAddr) -> Client {
    client(Config {
        max_answer_bytes: 1 << 16,
        ..Config::new(format!("http://{address}"), "test-key".into())
    })
}

fn with_body(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_zone_made_without_keys_exists_and_is_an_error() -> Result<()> {
    for (asked, made) in [(true, false), (false, true)] {
        let answer = with_body(
            "201 Created",
            &format!(r#"{{"name": "t.test.", "dnssec": {made}}}"#),
        );
        let zone = NewZone {
            dnssec: asked,
            ..new_zone(&name("t.test"))
        };
        let result = client_of(stranger(answer, false).await?).create_zone(&zone).await;
        assert_fails(result, ErrorKind::UnexpectedAnswer, Effect::Applied);
    }
    Ok(())
}

#[tokio::test]
async fn a_success_whose_content_cannot_be_read_was_applied() -> Result<()> {
    let zone = new_zone(&name("t.test"));
    let answer = with_body("201 Created", "<html>");
    let result = client_of(stranger(answer, false).await?).create_zone(&zone).await;
    assert_fails(result, ErrorKind::UnexpectedAnswer, Effect::Applied);

    let cut = "HTTP/1.1 201 Created\r\nContent-Length: 400\r\n\r\n{\"dnssec\": tr";
    let result = client_of(stranger(cut, false).await?).create_zone(&zone).await;
    assert_fails(result, ErrorKind::Interrupted, Effect::Applied);
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_not_followed() -> Result<()> {
    let elsewhere = stranger(with_body("200 OK", r#"{"name": "t.test."}"#), false).await?;
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
    );
    let client = client_of(stranger(answer, false).await?);
    assert_fails(
        client.server().await,
        ErrorKind::UnexpectedAnswer,
        Effect::NotApplied,
    );
    assert_fails(
        client.create_zone(&new_zone(&name("t.test"))).await,
        ErrorKind::UnexpectedAnswer,
        Effect::Unknown,
    );
    Ok(())
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() -> Result<()> {
    let client = client_of(stranger("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[{\"name\": ", true).await?);
    let zone = name("t.test");
    assert_fails(client.zone(&zone).await, ErrorKind::TooLarge, Effect::NotApplied);
    assert_fails(
        client.for_each_zone(&ZoneFilter::All, |_| {}).await,
        ErrorKind::TooLarge,
        Effect::NotApplied,
    );
    Ok(())
}

#[tokio::test]
async fn something_that_is_not_the_api_is_not_taken_for_it() -> Result<()> {
    let zone = name("t.test");
    for answer in [
        "",
        "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[",
    ] {
        let client = client_of(stranger(answer, false).await?);
        assert_fails(
            client.zone(&zone).await,
            ErrorKind::Interrupted,
            Effect::NotApplied,
        );
    }
    for body in [
        "",
        "<html>",
        "null",
        "[]",
        "{}",
        r#"{"name": "t.test.", "rrsets": "none"}"#,
    ] {
        let client = client_of(stranger(with_body("200 OK", body), false).await?);
        assert_fails(
            client.zone(&zone).await,
            ErrorKind::UnexpectedAnswer,
            Effect::NotApplied,
        );
        assert_fails(
            client.for_each_rrset(&zone, |_| {}).await,
            ErrorKind::UnexpectedAnswer,
            Effect::NotApplied,
        );
    }
    Ok(())
}
