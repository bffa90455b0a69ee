//! The mail server of the reserved domain. It keeps a mail only while a sign-in waits for it, and only in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use service_kit::shutdown::Shutdown;
use tokio::{
    io::BufStream,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};

use crate::session::{self, Taken};

/// How many connections are served at a time; others wait in the listener's queue.
const CONNECTIONS: usize = 64;

/// How long one connection may last.
const CONNECTION_LIFE: Duration = Duration::from_secs(30);

/// How many mails to one address are kept. Strangers may ask for codes of the reserved domain as well.
const MAILS: usize = 8;

/// The sink. Clones share the sign-ins that wait.
#[derive(Debug, Clone, Default)]
pub struct Sink(Arc<Mutex<HashMap<String, mpsc::Sender<Vec<u8>>>>>);

impl Sink {
    /// Takes mails until the soft phase.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.soft().cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let sink = self.clone();
                    shutdown.spawn("a connection to the sink", async move {
                        sink.connection(stream).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the sink of synthetic sign-ins cannot take a connection");
                    if service_kit::backoff::pause(Duration::from_secs(1), &shutdown).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn connection(&self, stream: TcpStream) {
        let session = session::serve(BufStream::new(stream), |mail| self.take(&mail));
        match timeout(CONNECTION_LIFE, session).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a connection to the sink broke"),
            Err(_) => tracing::debug!("a connection to the sink was closed after its time"),
        }
    }

    /// What no sign-in waits for is dropped.
    fn take(&self, mail: &Taken) {
        let waiting = self.waiting();
        for recipient in &mail.recipients {
            if let Some(sender) = waiting.get(recipient) {
                // A full channel holds more than a sign-in looks at.
                let _ = sender.try_send(mail.message.clone());
            }
        }
    }

    /// From now on, mails to this address are kept for the caller; `None` while another sign-in waits for them.
    pub(crate) fn expect(&self, address: &str) -> Option<Mailbox> {
        let (sender, mails) = mpsc::channel(MAILS);
        let mut waiting = self.waiting();
        if waiting.contains_key(address) {
            return None;
        }
        waiting.insert(address.to_owned(), sender);
        drop(waiting);
        Some(Mailbox { sink: self.clone(), address: address.to_owned(), mails })
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Vec<u8>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mails to one address, until this is dropped.
#[derive(Debug)]
pub(crate) struct Mailbox {
    sink: Sink,
    address: String,
    mails: mpsc::Receiver<Vec<u8>>,
}

impl Mailbox {
    /// The next mail; waits for it.
    pub(crate) async fn next(&mut self) -> Vec<u8> {
        match self.mails.recv().await {
            Some(mail) => mail,
            // The sender lives in the sink until this is dropped.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.sink.waiting().remove(&self.address);
    }
}

#[cfg(test)]
mod tests {
    use ping_contract::synthetic;

    use super::{Sink, Taken};

    fn mail(address: &str) -> Taken {
        Taken { recipients: vec![address.to_owned()], message: b"hello".to_vec() }
    }

    #[tokio::test]
    async fn only_the_mail_that_a_sign_in_waits_for_is_kept() {
        let sink = Sink::default();
        let [own, other] = [synthetic::address(1), synthetic::address(2)];
        sink.take(&mail(&own));
        let mut mailbox = sink.expect(&own).unwrap();
        assert!(sink.expect(&own).is_none(), "one sign-in at a time has an address");
        sink.take(&mail(&other));
        sink.take(&mail(&own));
        assert_eq!(mailbox.next().await, b"hello");
        assert!(mailbox.mails.try_recv().is_err());
        for _ in 0..100 {
            sink.take(&mail(&own));
        }
        assert!(mailbox.mails.len() <= super::MAILS, "a flood is bounded");
        drop(mailbox);
        assert!(sink.waiting().is_empty());
        assert!(sink.expect(&own).is_some());
    }
}
