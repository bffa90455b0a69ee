use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use ping_contract::address::EmailAddress;
use serde_json::{Value, json};
use service_kit::metrics::Metrics;

use super::{Audit, Entry, Event, Outcome, QUEUE};
use crate::{accounts::User, metrics::ServiceMetrics, rate_limits::ClientIp};

const LONG: Duration = Duration::from_secs(30);

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes nothing until it is let go, as a pipe that nobody reads.
struct Stuck(Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sign_in() -> Entry {
    Entry::new(Event::SignIn, Outcome::Success)
}

#[test]
fn an_entry_is_one_line_of_json_with_every_field() {
    let kept = Kept::default();
    let audit = Audit::start(kept.clone(), ServiceMetrics::default()).unwrap();
    let ada = User::new("0a".repeat(12), "Ada", "ada@example.org");
    let client = ClientIp::new("2001:db8:1:2:3::4".parse().unwrap());
    let entry = sign_in().user(&ada).session(Some("ff")).client(client).request("urn:uuid:1".to_owned());
    audit.record(&entry.detail("more"));
    audit.record(&Entry::new(Event::KeyRotation, Outcome::Success));
    assert!(audit.flush(LONG));
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let time = lines[0]["time"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.len() == 24, "{time}");
    assert_eq!(
        lines[0],
        json!({
            "time": time, "target": "audit", "event": "sign_in", "outcome": "success", "user": "0a".repeat(12),
            "sid": "ff", "address": "a***@example.org", "network": "2001:db8:1:2::/64", "request_id": "urn:uuid:1",
            "detail": "more",
        })
    );
    assert_eq!((&lines[1]["event"], &lines[1]["user"]), (&json!("key_rotation"), &Value::Null));
    assert_eq!(lines[1].as_object().unwrap().len(), lines[0].as_object().unwrap().len());
}

#[test]
fn an_address_is_masked_and_what_is_no_address_is_left_out() {
    let line = |entry: Entry| serde_json::from_slice::<Value>(&entry.to_line()).unwrap()["address"].clone();
    assert_eq!(line(sign_in().address(&EmailAddress::parse("ada@example.org").unwrap())), "a***@example.org");
    assert_eq!(line(sign_in().user(&User::new("0a", "Ada", "ada lovelace"))), Value::Null);
}

#[tokio::test]
async fn nothing_waits_for_a_writer_that_is_stuck_and_what_is_dropped_is_counted() {
    let registry = Metrics::new("user-service", "0");
    let (let_go, stuck) = channel();
    let audit = Audit::start(Stuck(stuck), ServiceMetrics::new(&registry)).unwrap();
    // A call that waited would wait for ever.
    for _ in 0..QUEUE + 1000 {
        audit.record(&sign_in());
    }
    assert!(!audit.flush(Duration::from_millis(1)));
    let metrics = registry.encode();
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("ping_audit_lines_dropped_total "));
    // The writer may have taken some before it was stuck.
    let dropped = dropped.unwrap().parse::<usize>().unwrap();
    assert!((1..=1000).contains(&dropped), "{dropped}");
    drop(let_go);
    let let_go_at = Instant::now();
    while !audit.flush(LONG) {
        assert!(let_go_at.elapsed() < LONG, "the queue is still full");
        std::thread::yield_now();
    }
}

#[test]
fn an_audit_log_that_is_off_is_always_flushed() {
    let audit = Audit::off(ServiceMetrics::default());
    audit.record(&sign_in());
    assert!(audit.flush(Duration::ZERO));
}
