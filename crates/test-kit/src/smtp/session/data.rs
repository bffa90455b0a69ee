//! `DATA` and the message that follows.

use std::io;
use std::time::Instant;

use tokio::io::AsyncBufReadExt;

use super::{Answer, Session};
use crate::smtp::{Message, Phase, Verdict};

impl Session {
    pub(super) async fn data(&mut self) -> io::Result<Option<Answer>> {
        if self.recipients.is_empty() {
            return self.say("503 5.5.1 RCPT first").await;
        }
        match self.answer(Phase::Data, "354 go ahead").await? {
            Some(answer) if answer.has_code("354") => {}
            other => return Ok(other),
        }
        let data = self.read_message().await?;
        let recipients = std::mem::take(&mut self.recipients);
        let number = self.record(&recipients, data);
        let Some(answer) = self.decide(Phase::DataEnd, &recipients, "250 2.0.0 queued").await? else {
            return Ok(None);
        };
        // Before the answer: who has read it may look at once.
        self.judge(number, if answer.has_code("250") { Verdict::Accepted } else { Verdict::Refused });
        if let Err(error) = self.send(&answer).await {
            self.judge(number, Verdict::Unanswered);
            return Err(error);
        }
        Ok(Some(answer))
    }

    async fn read_message(&mut self) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        loop {
            let start = data.len();
            if self.stream.read_until(b'\n', &mut data).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if &data[start..] == b".\r\n" {
                data.truncate(start);
                return Ok(data);
            }
            if data[start] == b'.' {
                data.remove(start);
            }
        }
    }

    fn record(&mut self, recipients: &[String], data: Vec<u8>) -> u64 {
        let number = self.state.next_message();
        let message = Message {
            number,
            connection: self.connection,
            sender: self.sender.take().unwrap_or_default(),
            recipients: recipients.to_vec(),
            data,
            received_at: Instant::now(),
            verdict: Verdict::Unanswered,
        };
        self.state.messages().push(message);
        number
    }

    /// One that was taken from the record meanwhile needs no verdict any more.
    fn judge(&self, number: u64, verdict: Verdict) {
        let mut messages = self.state.messages();
        if let Some(message) = messages.iter_mut().rev().find(|message| message.number == number) {
            message.verdict = verdict;
        }
    }
}
