use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::*;
use crate::smtp::{Rule, SmtpServer, Verdict};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

/// A client that speaks in lines.
struct Client(BufReader<Box<dyn Duplex>>);

impl Client {
    async fn connect(server: &SmtpServer) -> Self {
        let socket = TcpStream::connect(server.address()).await.unwrap();
        Self(BufReader::new(Box::new(socket)))
    }

    /// The last line of one reply; `None` when the connection has ended.
    async fn reply(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if timeout(LONG, self.0.read_line(&mut line)).await.expect("a reply in time").unwrap() == 0 {
                return None;
            }
            if line.as_bytes()[3] == b' ' {
                return Some(line.trim_end().to_owned());
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.reply().await.unwrap_or_default()
    }

    /// Greeting to the 354, for one recipient.
    async fn begin(server: &SmtpServer, recipient: &str) -> Self {
        let mut client = Self::connect(server).await;
        assert!(client.reply().await.unwrap().starts_with("220"));
        for line in
            ["EHLO me", "MAIL FROM:<ping@example.org> BODY=8BITMIME", &format!("RCPT TO:<{recipient}>")]
        {
            assert!(client.say(line).await.starts_with("250"));
        }
        assert!(client.say("DATA").await.starts_with("354"));
        client
    }
}

const ADA: &str = "ada@example.org";
const MAIL: &str = "Subject: hi\r\nMessage-ID: <1@x>\r\n\r\n..dotted\r\n.";

#[tokio::test]
async fn a_mail_is_recorded_with_envelope_and_unstuffed_dots() {
    let server = SmtpServer::start().await;
    let mut client = Client::begin(&server, ADA).await;
    assert!(client.say(MAIL).await.starts_with("250"));
    let [message] = server.messages().try_into().unwrap();
    assert_eq!((&*message.sender, &*message.recipients), ("ping@example.org", &[ADA.to_owned()][..]));
    assert_eq!((message.message_id().as_deref(), &*message.body()), (Some("<1@x>"), ".dotted\r\n"));
    assert_eq!(message.verdict, Verdict::Accepted);
}

#[tokio::test]
async fn a_refused_recipient_is_refused_once_and_others_never() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::reply(Phase::RcptTo, "451 4.7.1 later").to_recipient(ADA).times(1));
    let mut client = Client::connect(&server).await;
    client.reply().await;
    client.say("EHLO me").await;
    client.say("MAIL FROM:<>").await;
    assert!(client.say("RCPT TO:<bob@example.org>").await.starts_with("250"));
    assert!(client.say(&format!("RCPT TO:<{ADA}>")).await.starts_with("451"));
    assert!(client.say(&format!("RCPT TO:<{ADA}>")).await.starts_with("250"));
}

#[tokio::test]
async fn a_connection_dropped_before_the_250_leaves_the_mail_in_the_inbox() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::record_and_close().times(1));
    let mut client = Client::begin(&server, ADA).await;
    assert_eq!(client.say(MAIL).await, "", "an answer came");
    assert_eq!(server.delivered_to(ADA)[0].verdict, Verdict::Unanswered);
}

#[tokio::test]
async fn a_refused_message_is_not_in_the_inbox() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::reply(Phase::DataEnd, "550 5.7.1 no"));
    let mut client = Client::begin(&server, ADA).await;
    assert!(client.say(MAIL).await.starts_with("550"));
    assert_eq!((server.messages().len(), server.delivered().len()), (1, 0));
}

#[tokio::test]
async fn a_silent_server_takes_the_mail_and_says_nothing() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::new(Phase::DataEnd, Action::Silence));
    let mut client = Client::begin(&server, ADA).await;
    assert!(timeout(SHORT, client.say(MAIL)).await.is_err());
    assert_eq!(server.messages()[0].verdict, Verdict::Unanswered);
}

#[tokio::test]
async fn a_dripping_server_says_one_byte_at_a_time() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::new(Phase::Connect, Action::Drip(SHORT)));
    let mut client = Client::connect(&server).await;
    let mut bytes = [0; 64];
    assert_eq!(timeout(LONG, client.0.get_mut().read(&mut bytes)).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_421_ends_the_connection() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::reply(Phase::Connect, "421 4.3.2 going down").on_connection(1));
    let mut client = Client::connect(&server).await;
    assert!(client.reply().await.unwrap().starts_with("421"));
    assert_eq!(client.reply().await, None);
    assert!(Client::connect(&server).await.reply().await.unwrap().starts_with("220"));
}

#[tokio::test]
async fn refused_connections_are_taken_again_on_the_same_port() {
    let server = SmtpServer::start().await;
    server.refuse_connections().await;
    assert!(TcpStream::connect(server.address()).await.is_err());
    server.accept_connections().await;
    assert!(Client::connect(&server).await.reply().await.unwrap().starts_with("220"));
}

#[tokio::test]
async fn only_the_right_password_may_send() {
    let server = SmtpServer::builder().credentials("ada", "right").start().await;
    let mut client = Client::connect(&server).await;
    client.reply().await;
    client.say("EHLO me").await;
    assert!(client.say("MAIL FROM:<a@b.c>").await.starts_with("530"));
    // "\0ada\0wrong", then "ada" and "right"
    assert!(client.say("AUTH PLAIN AGFkYQB3cm9uZw==").await.starts_with("535"));
    assert!(client.say("AUTH LOGIN").await.starts_with("334"));
    assert!(client.say("YWRh").await.starts_with("334"));
    assert!(client.say("cmlnaHQ=").await.starts_with("235"));
    assert!(client.say("MAIL FROM:<a@b.c>").await.starts_with("250"));
}

#[tokio::test]
async fn starttls_is_offered_once_with_a_certificate_that_can_be_trusted() {
    let server = SmtpServer::builder().starttls().start().await;
    let mut client = Client::connect(&server).await;
    client.reply().await;
    assert!(client.say("EHLO me").await.ends_with("STARTTLS"));
    assert!(client.say("STARTTLS").await.starts_with("220"));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.certificate().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let secured = TlsConnector::from(Arc::new(config)).connect(name, client.0.into_inner()).await.unwrap();
    let mut client = Client(BufReader::new(Box::new(secured)));
    assert!(!client.say("EHLO me").await.ends_with("STARTTLS"));
}
