//! What lapin itself would log.

use std::sync::{Arc, Mutex};

use amqp::{Message, PublishRefusal};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt as _};

use crate::{Fixture, refused, unroutable};

/// Collects what is logged by any thread: lapin logs on its own.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// lapin logs a returned message as a warning, body included, which holds code and address.
#[tokio::test]
async fn the_body_of_a_returned_message_is_not_logged() {
    let log = Log::default();
    let filter = EnvFilter::new(format!("info,{}", amqp::QUIET));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).finish().init();
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    let body = b"code 482931".to_vec();
    let message = Message { body: body.clone(), ..unroutable("returned") };
    assert_eq!(publisher.publish(message).await, refused(PublishRefusal::Returned));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("publisher state"), "the log is captured: {log}");
    // As text, and as Debug prints octets.
    for shape in ["482931".to_owned(), format!("{body:?}"), "52, 56, 50".to_owned()] {
        assert!(!log.contains(&shape), "{log}");
    }
}
