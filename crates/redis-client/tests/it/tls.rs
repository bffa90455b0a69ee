//! TLS, as a real Redis speaks it.

use std::path::Path;

use test_kit::{certificates::Certificate, servers::RedisServer};

use crate::Fixture;
use redis_client::Probe;

const TLS_FAILED: Option<&str> = Some("RedisTlsFailed");

fn ca_file(folder: &Path, pem: &str) -> std::path::PathBuf {
    let file = folder.join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    file
}

/// A connection by name to a Redis with this certificate, trusting this CA or the public ones.
async fn against(certificate: &Certificate, ca: Option<&str>) -> (RedisServer, Fixture) {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::start_with_tls(certificate).await;
    let url = format!("rediss://localhost:{}/0", server.address().port());
    let file = ca.map(|pem| ca_file(folder.path(), pem));
    let fixture = Fixture::start_with_ca(&url, Probe::Script, file);
    (server, fixture)
}

#[tokio::test]
async fn a_good_certificate_is_used_and_a_self_signed_one_is_its_own_ca() {
    for certificate in [Certificate::good(), Certificate::self_signed()] {
        let (_server, fixture) = against(&certificate, Some(&certificate.authority)).await;
        fixture.wait_for_reason(None).await;
    }
}

#[tokio::test]
async fn a_bad_certificate_is_refused_with_what_is_bad_about_it() {
    let other = Certificate::of_another_host();
    let expired = Certificate::expired();
    let good = Certificate::good();
    let own = Certificate::self_signed();
    let (own_other, own_expired) =
        (Certificate::self_signed_of_another_host(), Certificate::self_signed_and_expired());
    for (certificate, ca, said) in [
        (&other, Some(&other.authority), "another host name"),
        (&expired, Some(&expired.authority), "expired"),
        (&good, Some(&other.authority), "unknown authority"),
        (&good, None, "unknown authority"),
        (&own, None, "unknown authority"),
        (&own, Some(&other.authority), "unknown authority"),
        (&own_other, Some(&own_other.authority), "another host name"),
        (&own_expired, Some(&own_expired.authority), "expired"),
    ] {
        let (_server, fixture) = against(certificate, ca.map(String::as_str)).await;
        fixture.wait_for_reason(TLS_FAILED).await;
        let message = fixture.message();
        assert!(message.contains(said), "{message}");
    }
}

#[tokio::test]
async fn a_port_without_tls_and_one_with_it_are_told_apart() {
    let plain = RedisServer::start().await;
    let fixture = Fixture::start(&format!("rediss://localhost:{}/0", plain.address().port()), Probe::Script);
    fixture.wait_for_reason(TLS_FAILED).await;
    assert!(fixture.message().contains("speaks no TLS"), "{}", fixture.message());

    let server = RedisServer::start_with_tls(&Certificate::good()).await;
    for url in [server.url(), server.url().replace("//", "//:password@")] {
        let fixture = Fixture::start(&url, Probe::Time);
        fixture.wait_for_reason(TLS_FAILED).await;
        assert!(fixture.message().contains("expects TLS"), "{}", fixture.message());
    }
}
