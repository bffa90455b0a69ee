//! From a mail event to the bytes that go over SMTP: built once, whatever is tried afterwards.
//!
//! Nothing here trusts the event. An address is checked again, subject and body are encoded, and the bytes are all
//! ASCII with CRLF line ends: no field can add a header, a recipient or a command.

use std::time::SystemTime;

use lettre::{
    Address, Message,
    address::AddressError,
    message::{
        Body, Mailbox, MultiPart, MultiPartKind, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
};
use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
    sender::{Sender, SenderError},
};

mod from_header;

use from_header::from_header;

/// A mail ready to be handed over.
pub struct RenderedMail {
    sender: String,
    recipients: Vec<String>,
    content: Vec<u8>,
}

impl RenderedMail {
    /// The address in MAIL FROM.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// The addresses in RCPT TO; one for each mail of ours.
    #[must_use]
    pub fn recipients(&self) -> &[String] {
        &self.recipients
    }

    /// Headers and body; dot-stuffing is SMTP's business.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

/// The mail cannot be written: its recipient is not one that fits into an SMTP command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the recipient cannot be written into an SMTP command")]
pub struct Unwritable;

/// Writes mails of one sender.
#[derive(Debug, Clone)]
pub struct MessageWriter {
    sender: Address,
    from: HeaderValue,
}

/// `MAIL_FROM` is not a mailbox.
#[derive(Debug, thiserror::Error)]
pub enum BadSender {
    #[error("the sender is not a mailbox such as `Ping <no-reply@example.org>`")]
    Unreadable(#[source] SenderError),
    #[error("the address of the sender cannot be used")]
    Address(#[source] AddressError),
}

/// A header of one fixed value in ASCII.
fn fixed(name: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// No vacation notice answers a code (RFC 3834).
fn auto_submitted() -> HeaderValue {
    fixed("Auto-Submitted", "auto-generated")
}

/// The same for Exchange (MS-OXCMAIL, 2.1.3.2.20). Its value `All` would suppress reports of failed deliveries too.
fn no_automatic_replies() -> HeaderValue {
    fixed("X-Auto-Response-Suppress", "OOF, AutoReply")
}

impl MessageWriter {
    /// `from` is a mailbox: an address, or a name and an address in angle brackets.
    pub fn new(from: &str) -> Result<Self, BadSender> {
        let sender = Sender::parse(from).map_err(BadSender::Unreadable)?;
        let address = sender.address.parse::<Address>().map_err(BadSender::Address)?;
        Ok(Self { from: from_header(sender.name.as_deref(), &address), sender: address })
    }

    /// The address in MAIL FROM.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.sender.as_ref()
    }

    /// The domain that Message-IDs end with, in ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.sender.domain()
    }

    /// Writes the mail, with `html` as another form of the same text. The same event with the same `root`, of which its Message-ID is made, and the same `date`, before the year
    /// 9999, gives the same bytes.
    pub fn write(
        &self,
        event: &MailEvent,
        html: Option<&str>,
        root: &EventId,
        date: SystemTime,
    ) -> Result<RenderedMail, Unwritable> {
        let recipients = [&event.to].into_iter().chain(&event.also_to).map(recipient);
        let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
        let from = Message::builder().raw_header(self.from.clone());
        let headers = recipients.iter().fold(from, |headers, to| headers.to(Mailbox::new(None, to.clone())));
        let headers = headers
            .subject(one_line(&event.subject))
            .date(date)
            .message_id(Some(format!("<{root}@{}>", self.domain())))
            .raw_header(auto_submitted())
            .raw_header(no_automatic_replies())
            .header(MIME_VERSION_1_0);
        let text = text_body(&event.body);
        let message = match html {
            None => headers.header(ContentType::TEXT_PLAIN).body(text),
            Some(html) => headers.multipart(alternatives(text, html, root)),
        };
        let message = message.map_err(|_| Unwritable)?;
        Ok(RenderedMail {
            sender: self.sender().to_owned(),
            recipients: recipients.iter().map(ToString::to_string).collect(),
            content: message.formatted(),
        })
    }
}

/// The text before the HTML: programs show the last form that they know (RFC 2046, 5.1.4). The boundary cannot be chosen at
/// random, or a retry would differ, and cannot appear in a part: a code's mail has no 32 hex digits.
fn alternatives(text: Body, html: &str, root: &EventId) -> MultiPart {
    let part = |content_type, body| SinglePart::builder().header(content_type).body(body);
    MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("ping-{root}"))
        .singlepart(part(ContentType::TEXT_PLAIN, text))
        .singlepart(part(ContentType::TEXT_HTML, text_body(html)))
}

fn recipient(to: &EmailAddress) -> Result<Address, Unwritable> {
    let address = to.as_str().parse::<Address>().map_err(|_| Unwritable)?;
    if fits_into_a_command(address.as_ref()) { Ok(address) } else { Err(Unwritable) }
}

/// Printable ASCII without what ends a path.
fn fits_into_a_command(address: &str) -> bool {
    address.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
}

/// A subject is one line of text: lettre encodes what is not ASCII, but lets control characters through.
fn one_line(subject: &str) -> String {
    subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Lines end with CRLF whatever the event's did: a bare CR or LF is what mail servers disagree about, and smuggled
/// messages hide behind.
fn text_body(text: &str) -> Body {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        let encoded = Body::new_with_encoding(text, ContentTransferEncoding::Base64);
        return encoded.unwrap_or_else(Body::new); // cannot fail: base64 holds anything
    }
    Body::new(text)
}

#[cfg(test)]
mod tests;
