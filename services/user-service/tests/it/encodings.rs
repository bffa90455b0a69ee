//! Bodies as HTTP clients pack them.

use std::io::Write as _;

use axum::{body::Body, http::Request};
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

use crate::support::{Answer, Service};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

async fn login(service: &Service, encoding: &str, body: Vec<u8>) -> Answer {
    let request = Request::post("/api/v1/login").header("content-type", "application/json");
    service.send(request.header("content-encoding", encoding).body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn bodies_in_gzip_and_deflate_are_read() {
    let service = Service::start().await;
    login(&service, "gzip", gzip(br#"{"email":"a@example.org"}"#)).await.expect(200);
    login(&service, "GZIP", gzip(br#"{"email":"b@example.org"}"#)).await.expect(200);
    login(&service, "deflate", zlib(br#"{"email":"c@example.org"}"#)).await.expect(200);
    login(&service, "Deflate", raw_deflate(br#"{"email":"f@example.org"}"#)).await.expect(200);
    login(&service, "deflate", zlib("\u{feff}{\"email\":\"g@example.org\"}".as_bytes())).await.expect(200);
    login(&service, "identity", br#"{"email":"d@example.org"}"#.to_vec()).await.expect(200);
    login(&service, "gzip", gzip("\u{feff}{\"email\":\"e@example.org\"}".as_bytes())).await.expect(200);
    assert_eq!(service.outbox.count(), 7);
}

#[tokio::test]
async fn another_encoding_is_a_415_that_names_those_that_are_read() {
    let service = Service::start().await;
    for encoding in [
        "br",
        "zstd",
        "compress",
        "x-gzip",
        "gzip, deflate",
        "gzip, gzip",
        "identity, gzip",
        "gzip;q=1",
        "nonsense",
    ] {
        let answer = login(&service, encoding, br#"{"email":"a@example.org"}"#.to_vec()).await.expect(415);
        assert_eq!(answer.header("accept-encoding"), "gzip, deflate", "{encoding}");
        assert_eq!(answer.json["code"], "unsupported-content-encoding");
    }
    assert_eq!(service.outbox.count(), 0);
}

#[tokio::test]
async fn a_body_that_unpacks_to_more_than_16_kib_is_a_413() {
    let service = Service::start().await;
    let bomb = gzip(&vec![b' '; 10 << 20]);
    assert!(bomb.len() < 16 * 1024, "{}", bomb.len());
    for (encoding, bomb) in [
        ("gzip", bomb),
        ("deflate", zlib(&vec![b' '; 10 << 20])),
        ("deflate", raw_deflate(&vec![b' '; 10 << 20])),
        // Just one octet too many, and more than is read before it is unpacked.
        ("gzip", gzip(&vec![b' '; 16 * 1024 + 1])),
        ("gzip", vec![0x1f; 16 * 1024 + 1]),
    ] {
        let answer = login(&service, encoding, bomb).await.expect(413);
        assert_eq!(answer.json["code"], "body-too-large", "{encoding}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_packed_as_its_header_says_is_a_400() {
    let service = Service::start().await;
    let mut half = gzip(br#"{"email":"a@example.org"}"#);
    half.truncate(half.len() / 2);
    for (encoding, body) in
        [("gzip", br#"{"email":"a@example.org"}"#.to_vec()), ("gzip", half), ("deflate", Vec::new())]
    {
        let answer = login(&service, encoding, body).await.expect(400);
        assert_eq!(answer.json["code"], "malformed-body", "{encoding}");
    }
}
