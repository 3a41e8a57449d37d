//! The proxy before any TCP protocol, with a server that sends back what it gets.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Result;
use conformance_servers::{Direction, Link, TcpProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Sends back each piece, and tells what it got.
async fn echo() -> Result<(SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (tell, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    tell.send(buffer[..length].to_vec()).ok();
                    if stream.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    Ok((address, heard))
}

/// Sends `text` and waits until it is back.
async fn round_trip(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await?;
    assert_eq!(back, text.as_bytes());
    Ok(())
}

#[tokio::test]
async fn passes_everything_until_told_otherwise() -> Result<()> {
    let (server, _heard) = echo().await?;
    let proxy = TcpProxy::start(server).await?;
    let mut stream = TcpStream::connect(proxy.address()).await?;
    round_trip(&mut stream, "hello").await?;
    round_trip(&mut stream, &"x".repeat(100_000)).await?;
    assert_eq!(proxy.connections(), 1);
    Ok(())
}

#[tokio::test]
async fn cut_ends_present_connections_and_refuse_new_ones() -> Result<()> {
    let (server, _heard) = echo().await?;
    let proxy = TcpProxy::start(server).await?;
    let mut stream = TcpStream::connect(proxy.address()).await?;
    round_trip(&mut stream, "before").await?;
    proxy.cut();
    round_trip(&mut stream, "after")
        .await
        .expect_err("the connection is cut");

    proxy.refuse(true);
    let mut refused = TcpStream::connect(proxy.address()).await?;
    round_trip(&mut refused, "refused")
        .await
        .expect_err("new connections are cut");

    proxy.heal();
    round_trip(&mut TcpStream::connect(proxy.address()).await?, "healed").await?;
    Ok(())
}

#[tokio::test]
async fn a_black_hole_in_one_direction_leaves_the_other_open() -> Result<()> {
    let (server, mut heard) = echo().await?;
    let proxy = TcpProxy::start(server).await?;
    let mut stream = TcpStream::connect(proxy.address()).await?;
    proxy.set(Direction::ToClient, Link::BlackHole);
    stream.write_all(b"one way").await?;
    assert_eq!(heard.recv().await.as_deref(), Some(&b"one way"[..]));
    let silence = tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await;
    assert!(silence.is_err(), "the connection is open and nothing arrives");
    proxy.heal();
    round_trip(&mut stream, "both ways").await?;
    Ok(())
}

#[tokio::test]
async fn delay_and_limit_slow_the_bytes_down() -> Result<()> {
    let (server, _heard) = echo().await?;
    let proxy = TcpProxy::start(server).await?;
    let mut stream = TcpStream::connect(proxy.address()).await?;

    proxy.set_both(&Link::Delay(Duration::from_millis(100)));
    let start = Instant::now();
    round_trip(&mut stream, "slow").await?;
    assert!(
        start.elapsed() >= Duration::from_millis(200),
        "once in each direction"
    );

    proxy.heal();
    proxy.set(Direction::ToServer, Link::Limit(1000));
    let start = Instant::now();
    round_trip(&mut stream, &"x".repeat(500)).await?;
    assert!(
        start.elapsed() >= Duration::from_millis(400),
        "all but the last tenth of a second"
    );
    Ok(())
}

#[tokio::test]
async fn cut_at_leaves_open_or_settles_whether_the_last_words_arrived() -> Result<()> {
    let (server, mut heard) = echo().await?;
    let proxy = TcpProxy::start(server).await?;
    for deliver in [true, false] {
        proxy.heal();
        let mut stream = TcpStream::connect(proxy.address()).await?;
        proxy.set(
            Direction::ToServer,
            Link::CutAt {
                bytes: b"COMMIT".to_vec(),
                deliver,
            },
        );
        round_trip(&mut stream, "INSERT").await?;
        round_trip(&mut stream, "COMMIT")
            .await
            .expect_err("no reply arrives");
        assert_eq!(heard.recv().await.as_deref(), Some(&b"INSERT"[..]));
        if deliver {
            assert_eq!(heard.recv().await.as_deref(), Some(&b"COMMIT"[..]));
        }
    }
    assert!(heard.try_recv().is_err(), "the undelivered words did not arrive");
    Ok(())
}
