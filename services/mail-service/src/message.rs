//! From a mail event to the bytes that go over SMTP: built once, whatever is tried afterwards.
//!
//! Nothing here trusts the event. An address is checked again, subject and body are encoded, and the bytes are all
//! ASCII with CRLF line ends: no field can add a header, a recipient or a command.

use std::time::SystemTime;

use lettre::{
    Address, Message,
    address::AddressError,
    message::{
        Body, Mailbox,
        header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
};
use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
    sender::{Sender, SenderError},
};

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
    from: Mailbox,
}

/// `MAIL_FROM` is not a mailbox.
#[derive(Debug, thiserror::Error)]
pub enum BadSender {
    #[error("the sender is not a mailbox such as `Ping <no-reply@example.org>`")]
    Unreadable(#[source] SenderError),
    #[error("the address of the sender cannot be used")]
    Address(#[source] AddressError),
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no vacation notice answers a code.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl MessageWriter {
    /// `from` is a mailbox: an address, or a name and an address in angle brackets.
    pub fn new(from: &str) -> Result<Self, BadSender> {
        let sender = Sender::parse(from).map_err(BadSender::Unreadable)?;
        let address = sender.address.parse::<Address>().map_err(BadSender::Address)?;
        Ok(Self { from: Mailbox::new(sender.name, address) })
    }

    /// The address in MAIL FROM.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.from.email.as_ref()
    }

    /// The domain that Message-IDs end with.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Writes the mail. `root` makes its Message-ID: the same event gives the same one, on every try.
    pub fn write(
        &self,
        event: &MailEvent,
        root: &EventId,
        now: SystemTime,
    ) -> Result<RenderedMail, Unwritable> {
        let recipients = [&event.to].into_iter().chain(&event.also_to).map(recipient);
        let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
        let headers = recipients.iter().fold(Message::builder().from(self.from.clone()), |headers, to| {
            headers.to(Mailbox::new(None, to.clone()))
        });
        let message = headers
            .subject(one_line(&event.subject))
            .date(now)
            .message_id(Some(format!("<{root}@{}>", self.domain())))
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(text_body(&event.body))
            .map_err(|_| Unwritable)?;
        Ok(RenderedMail {
            sender: self.sender().to_owned(),
            recipients: recipients.iter().map(ToString::to_string).collect(),
            content: message.formatted(),
        })
    }
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
