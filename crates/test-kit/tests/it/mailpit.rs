use test_kit::mailpit::{Mailpit, code_in};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::LONG;

#[tokio::test]
async fn a_mail_is_found_by_its_recipient() {
    let mailpit = Mailpit::shared();
    let server = mailpit.server();
    let socket = TcpStream::connect((&*server.smtp_host, server.smtp_port)).await.unwrap();
    let mut lines = BufReader::new(socket);
    let mail = "To: a+b@example.org\r\nSubject: Your OTP Code\r\n\r\nYour OTP code is 482931.\r\n.";
    let commands =
        ["HELO me", "MAIL FROM:<ping@example.org>", "RCPT TO:<a+b@example.org>", "DATA", mail, "QUIT"];
    for command in commands {
        lines.read_line(&mut String::new()).await.unwrap();
        lines.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    }
    let message = mailpit.wait_for_message("a+b@example.org", LONG).await;
    assert_eq!(code_in(message["Text"].as_str().unwrap()), Some("482931"));
    assert!(mailpit.messages_to("b@example.org").await.is_empty());
}
