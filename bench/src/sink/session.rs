//! One SMTP session of the sink, without I/O: octets in, replies and recipients out.

use crate::backlog::number;

/// Whom the mail at hand is for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Recipient {
    /// RCPT was not said yet.
    #[default]
    None,
    /// One of the events'.
    Number(u64),
    /// Somebody else.
    Stranger,
}

/// Where the session is.
#[derive(Debug, Default)]
pub(super) struct Session {
    unread: Vec<u8>,
    recipient: Recipient,
    in_content: bool,
    over: bool,
}

impl Session {
    /// Whether QUIT was said.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes octets, adds replies, and answers the recipients of the mails that were completed.
    pub(super) fn feed(&mut self, octets: &[u8], replies: &mut Vec<u8>) -> Vec<Option<u64>> {
        self.unread.extend_from_slice(octets);
        let mut taken = Vec::new();
        loop {
            let end: &[u8] = if self.in_content { b"\r\n.\r\n" } else { b"\r\n" };
            let Some(at) = self.unread.windows(end.len()).position(|window| window == end) else {
                return taken;
            };
            let line = self.unread.drain(..at + end.len()).collect::<Vec<_>>();
            if self.in_content {
                self.in_content = false;
                taken.push(match std::mem::take(&mut self.recipient) {
                    Recipient::Number(number) => Some(number),
                    Recipient::None | Recipient::Stranger => None,
                });
                replies.extend_from_slice(b"250 taken\r\n");
            } else {
                replies.extend_from_slice(self.command(&line[..at]));
            }
        }
    }

    fn command(&mut self, line: &[u8]) -> &'static [u8] {
        let word = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match &*word {
            b"EHLO" => b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            b"MAIL" | b"RSET" | b"NOOP" => {
                self.recipient = Recipient::None;
                b"250 ok\r\n"
            }
            b"RCPT" => {
                let number = path(line).and_then(number);
                self.recipient = number.map_or(Recipient::Stranger, Recipient::Number);
                b"250 ok\r\n"
            }
            b"DATA" if self.recipient != Recipient::None => {
                self.in_content = true;
                b"354 go on\r\n"
            }
            b"DATA" => b"503 RCPT first\r\n",
            b"QUIT" => {
                self.over = true;
                b"221 bye\r\n"
            }
            _ => b"500 unknown\r\n",
        }
    }
}

/// What stands in angle brackets.
fn path(line: &[u8]) -> Option<&str> {
    let line = str::from_utf8(line).ok()?;
    Some(line.split_once('<')?.1.split_once('>')?.0)
}

#[cfg(test)]
mod tests {
    use super::Session;

    fn fed(pieces: &[&str]) -> (Vec<Option<u64>>, String) {
        let mut session = Session::default();
        let mut replies = Vec::new();
        let mut taken = Vec::new();
        for piece in pieces {
            taken.extend(session.feed(piece.as_bytes(), &mut replies));
        }
        (taken, String::from_utf8(replies).unwrap())
    }

    #[test]
    fn pipelined_commands_are_answered_in_order() {
        let (taken, replies) = fed(&["MAIL FROM:<a@b.c>\r\nRCPT TO:<m7@load.example.org>\r\nDATA\r\n"]);
        assert_eq!((taken.len(), replies.as_str()), (0, "250 ok\r\n250 ok\r\n354 go on\r\n"));
    }

    #[test]
    fn a_mail_is_taken_at_its_final_dot_wherever_the_octets_are_cut() {
        let whole = "MAIL FROM:<a@b.c>\r\nRCPT TO:<m7@load.example.org>\r\nDATA\r\nhi\r\n..\r\n.\r\nQUIT\r\n";
        for cut in 0..whole.len() {
            let (taken, replies) = fed(&[&whole[..cut], &whole[cut..]]);
            assert_eq!(taken, [Some(7)], "cut at {cut}");
            assert!(replies.ends_with("250 taken\r\n221 bye\r\n"), "{replies}");
        }
    }

    #[test]
    fn content_without_a_recipient_is_refused() {
        assert_eq!(fed(&["DATA\r\n"]).1, "503 RCPT first\r\n");
        assert_eq!(fed(&["MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\nhi\r\n.\r\n"]).0, [None]);
    }
}
