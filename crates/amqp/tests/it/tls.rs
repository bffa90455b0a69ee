//! TLS, ended by a small server in front of the broker.

use std::{net::SocketAddr, path::Path, sync::Arc};

use amqp::{BrokerConfig, Cause, PublishRefusal, Publisher, State, TlsConfig};
use ping_contract::tls_trouble::TlsTrouble;
use service_kit::tls::install_provider;
use test_kit::{certificates::Certificate, servers::RabbitServer};
use tokio::{
    io::{AsyncReadExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

use crate::{Fixture, PATIENCE, message, options, reaches, refused};

/// A TLS server for `localhost` that passes everything on to `upstream`, and the file of the certificate to trust.
async fn tls_server(upstream: SocketAddr, folder: &Path) -> (u16, std::path::PathBuf) {
    install_provider();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, certificate.pem()).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            let relay = async move {
                let Ok(mut client) = acceptor.accept(socket).await else { return };
                let mut server = TcpStream::connect(upstream).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            };
            spawn(relay);
        }
    };
    spawn(serve);
    (port, ca_file)
}

#[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

fn upstream(fixture: &Fixture) -> SocketAddr {
    let broker = fixture.vhost.broker();
    format!("{}:{}", broker.host, broker.port).parse().unwrap()
}

fn config(fixture: &Fixture, port: u16, ca_file: Option<&Path>) -> BrokerConfig {
    let tls = Some(TlsConfig::new(ca_file).unwrap());
    BrokerConfig { host: "localhost".to_owned(), port, tls, ..fixture.config() }
}

#[tokio::test]
async fn a_broker_behind_a_known_ca_is_published_to_and_consumed_from() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (port, ca_file) = tls_server(upstream(&fixture), folder.path()).await;
    let config = config(&fixture, port, Some(&ca_file));
    let publisher = fixture.publisher_with(config.clone(), options()).await;
    publisher.publish(message("one")).await.unwrap();
    let mut consumer = fixture.consumer_with(config, 1);
    let delivery = timeout(PATIENCE, consumer.next()).await.expect("a delivery").unwrap();
    assert_eq!(delivery.message_id.as_deref(), Some("one"));
}

#[tokio::test]
async fn a_broker_behind_an_unknown_ca_is_not_spoken_to() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (port, _) = tls_server(upstream(&fixture), folder.path()).await;
    // The public CAs have not signed it.
    let publisher = Publisher::start(config(&fixture, port, None), options(), &fixture.shutdown);
    reaches(&publisher, State::Disconnected(Cause::TlsFailed(TlsTrouble::UnknownCa))).await;
    let connected = timeout(std::time::Duration::from_secs(2), reaches(&publisher, State::Connected)).await;
    assert!(connected.is_err());
    assert_eq!(publisher.publish(message("one")).await, refused(PublishRefusal::NotConnected));
}

/// Built without a feature that brings roots, lapin speaks plain text to `amqps://`, password and all.
#[tokio::test]
async fn nothing_is_sent_in_clear_to_an_amqps_address() {
    let fixture = Fixture::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = BrokerConfig::from_url(&format!("amqps://ann:s3cret@localhost:{port}")).unwrap();
    let _publisher = Publisher::start(config, options(), &fixture.shutdown);
    let (mut socket, _) = timeout(PATIENCE, listener.accept()).await.expect("a dial").unwrap();
    let mut first = [0; 3];
    timeout(PATIENCE, socket.read_exact(&mut first)).await.expect("the first octets").unwrap();
    assert_eq!(first[..2], [0x16, 0x03], "a TLS handshake, not AMQP's header");
}

/// What a publisher with this CA says of a broker with this certificate.
async fn state_with(certificate: &Certificate, ca: Option<&str>, wanted: State) {
    let server = RabbitServer::start_with_tls(certificate).await;
    let fixture = Fixture::on(server.broker()).await;
    let folder = tempfile::tempdir().unwrap();
    let ca_file = ca.map(|pem| {
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, pem).unwrap();
        file
    });
    let config = config(&fixture, server.broker().port, ca_file.as_deref());
    let publisher = Publisher::start(config, options(), &fixture.shutdown);
    reaches(&publisher, wanted).await;
}

fn failed(trouble: TlsTrouble) -> State {
    State::Disconnected(Cause::TlsFailed(trouble))
}

#[tokio::test]
async fn a_real_broker_with_a_good_certificate_is_used_and_a_self_signed_one_is_its_own_ca() {
    for certificate in [Certificate::good(), Certificate::self_signed()] {
        state_with(&certificate, Some(&certificate.authority), State::Connected).await;
    }
}

#[tokio::test]
async fn a_real_broker_with_a_bad_certificate_says_what_is_bad_about_it() {
    let other = Certificate::of_another_host();
    state_with(&other, Some(&other.authority), failed(TlsTrouble::WrongName)).await;
    let expired = Certificate::expired();
    state_with(&expired, Some(&expired.authority), failed(TlsTrouble::Expired)).await;
    state_with(&Certificate::good(), Some(&expired.authority), failed(TlsTrouble::UnknownCa)).await;
}

#[tokio::test]
async fn a_port_without_tls_and_one_with_it_are_told_apart() {
    let fixture = Fixture::new().await;
    let plain =
        BrokerConfig { host: "127.0.0.1".to_owned(), ..config(&fixture, upstream(&fixture).port(), None) };
    let publisher = Publisher::start(plain, options(), &fixture.shutdown);
    reaches(&publisher, failed(TlsTrouble::PlainPort)).await;

    let server = RabbitServer::start_with_tls(&Certificate::good()).await;
    let in_clear = BrokerConfig { port: server.broker().port, ..fixture.config() };
    let publisher = Publisher::start(in_clear, options(), &fixture.shutdown);
    reaches(&publisher, failed(TlsTrouble::TlsPort)).await;
}
