//! Why a mail server cannot be encrypted to or logged in to: a sentence for each cause, in `/readyz?verbose` and in the
//! report on a test mail.

use std::path::Path;

use test_kit::{certificates::Certificate, smtp::SmtpServer};

use crate::rig::{Rig, setup};

fn ca_file(folder: &Path, pem: &str) -> String {
    let file = folder.join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    format!("--smtp-ca-file={}", file.display())
}

async fn message(rig: &Rig, reason: &str) -> String {
    let told = rig.wait_for_reason("smtp", reason).await;
    let checks = told.body["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "smtp").unwrap();
    check["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_bad_certificate_is_told_by_what_is_bad_about_it() {
    let other = Certificate::of_another_host();
    let expired = Certificate::expired();
    let good = Certificate::good();
    let own = Certificate::self_signed();
    for (certificate, ca, said) in [
        (&other, Some(&other.authority), "another host name"),
        (&expired, Some(&expired.authority), "expired"),
        (&good, Some(&other.authority), "unknown authority"),
        (&good, None, "unknown authority"),
        (&own, None, "unknown authority"),
    ] {
        for mode in ["starttls", "implicit"] {
            let builder = SmtpServer::builder();
            let relay = match mode {
                "starttls" => builder.starttls_with(certificate),
                _ => builder.implicit_tls_with(certificate),
            };
            let relay = relay.start().await;
            let folder = tempfile::tempdir().unwrap();
            let port = format!("--smtp-port={}", relay.port());
            let tls = format!("--smtp-tls={mode}");
            let ca = ca.map(|pem| ca_file(folder.path(), pem));
            let arguments = ["--smtp-host=localhost", port.as_str(), tls.as_str()];
            let rig = setup().await.with(&arguments).with(&ca.as_deref().into_iter().collect::<Vec<_>>());
            let message = message(&rig.start().await, "SmtpTlsFailed").await;
            assert!(message.contains(said), "{mode}: {message}");
            assert_eq!(relay.messages().len(), 0);
        }
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_its_own_ca() {
    let certificate = Certificate::self_signed();
    let relay = SmtpServer::builder().starttls_with(&certificate).start().await;
    let folder = tempfile::tempdir().unwrap();
    let port = format!("--smtp-port={}", relay.port());
    let ca = ca_file(folder.path(), &certificate.authority);
    let arguments = ["--smtp-host=localhost", "--smtp-tls=starttls", port.as_str(), ca.as_str()];
    let rig = setup().await.with(&arguments).start().await;
    assert_eq!(message(&rig, "").await, "");
}

#[tokio::test]
async fn a_port_without_tls_is_told_in_both_modes() {
    for mode in ["starttls", "implicit"] {
        let rig = setup().await.with(&[format!("--smtp-tls={mode}").as_str()]).start().await;
        let message = message(&rig, "SmtpTlsFailed").await;
        assert!(message.contains("speaks no TLS on this port, or offers no STARTTLS"), "{mode}: {message}");
    }
}

#[tokio::test]
async fn a_server_without_a_login_that_ping_speaks_is_told_from_a_wrong_password() {
    for (mechanisms, said) in [
        ("", "offers no login on this port"),
        ("XOAUTH2", "OAuth alone"),
        ("XOAUTH2 OAUTHBEARER", "OAuth alone"),
        ("NTLM GSSAPI", "PLAIN or LOGIN"),
    ] {
        let relay = SmtpServer::builder().mechanisms(mechanisms).start().await;
        let login = ["--email-user=ping", "--email-password=s3cret"];
        let rig = setup().await.relay(relay).with(&login).start().await;
        let message = message(&rig, "SmtpAuthenticationFailed").await;
        assert!(message.contains(said) && !message.contains("s3cret"), "{mechanisms}: {message}");
    }
    let relay = SmtpServer::builder().credentials("ping", "right").start().await;
    let login = ["--email-user=ping", "--email-password=wrong"];
    let rig = setup().await.relay(relay).with(&login).start().await;
    assert!(message(&rig, "SmtpAuthenticationFailed").await.contains("refuses user and password"));
}
