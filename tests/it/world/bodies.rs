//! Large bodies: GitHub's own limit works, one byte more does not.

use std::time::Duration;

use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::sending::deliver_raw;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::stage::{SECRET, World};
use crate::world::steps::Parcel;

const LIMIT: usize = 25 * 1024 * 1024;

/// A deployment whose body has exactly so many bytes.
async fn sized(world: &World, bytes: usize) -> (u64, Parcel) {
    let (id, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
    let text = String::from_utf8(parcel.body.clone()).unwrap();
    let padded =
        |filling: usize| text.replacen("\"payload\":{}", &format!("\"payload\":\"{}\"", "x".repeat(filling)), 1);
    let body = padded(bytes - padded(0).len());
    assert_eq!(body.len(), bytes);
    (id, parcel.body(body.as_bytes()))
}

#[tokio::test]
async fn a_body_of_25_mib_is_worked_on() {
    let world = World::new().await;
    let (id, parcel) = sized(&world, LIMIT).await;
    let answer = deliver_raw(&format!("{}/webhooks/github", world.url), &parcel.headers, &parcel.body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert!(answer.duration < Duration::from_secs(10), "{:?}", answer.duration);
    world.settle().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn one_byte_more_is_refused_before_it_is_sent() {
    let world = World::new().await;
    let parcel = world.ask_unheard(DeploymentRequest::to("staging")).await.1;
    let answer = raw(&world, &parcel, &format!("content-length: {}\r\n\r\n", LIMIT + 1), &[]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(!world.is_stored(&parcel).await);
    world.end().await;
}

#[tokio::test]
async fn one_byte_more_is_refused_where_no_length_was_announced() {
    let world = World::new().await;
    let parcel = world.ask_unheard(DeploymentRequest::to("staging")).await.1;
    let parcel = parcel.body(&vec![b' '; LIMIT + 1]).signed(SECRET);
    let mut chunked = Vec::with_capacity(LIMIT + 64 * 1024);
    for piece in parcel.body.chunks(1024 * 1024) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let answer = raw(&world, &parcel, "transfer-encoding: chunked\r\n\r\n", &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(!world.is_stored(&parcel).await);
    world.end().await;
}

/// A client that sends everything before it reads, as simple ones do.
async fn raw(world: &World, parcel: &Parcel, framing: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.url.trim_start_matches("http://"))
        .await
        .unwrap();
    let mut head = "POST /webhooks/github HTTP/1.1\r\nhost: chima\r\n".to_owned();
    for (name, value) in &parcel.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(framing);
    stream.write_all(head.as_bytes()).await.unwrap();
    // the server may have answered and closed already
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
    let _ = read.await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
