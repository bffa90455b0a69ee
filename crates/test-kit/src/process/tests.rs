use super::*;
use crate::wait::wait_until;

const LONG: Duration = Duration::from_secs(10);

/// A shell that runs `script` in the place of one of our binaries.
fn shell(script: &str) -> ServiceProcess {
    let command = ServiceCommand {
        binary: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".into(), script.into()],
        wrapper: Vec::new(),
        environment: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        management_port: 1,
    };
    command.spawn()
}

async fn said(process: &ServiceProcess, text: &str) {
    wait_until(text, LONG, || async { !process.output().containing(text).is_empty() }).await;
}

#[tokio::test]
async fn a_process_has_only_the_environment_it_was_given() {
    let mut process = shell("env; echo end >&2");
    assert!(process.wait_for_exit(LONG).await.success());
    said(&process, "GREETING=hello").await;
    said(&process, "end").await;
    assert!(process.output().containing("CARGO").is_empty(), "{}", process.output());
}

#[tokio::test]
async fn a_terminated_process_ends_in_order_and_a_killed_one_does_not() {
    let script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done";
    let mut process = shell(script);
    said(&process, "up").await;
    assert_eq!(process.terminate(LONG).await.code(), Some(3));
    said(&process, "bye").await;

    process.spawn();
    wait_until("the second start", LONG, || async { process.output().containing("up").len() == 2 }).await;
    process.kill9().await;
    assert_eq!((process.pid(), process.output().containing("bye").len()), (None, 1));
}

#[tokio::test]
async fn a_running_process_has_figures() {
    let process = shell("exec 5</dev/null; echo up; exec sleep 60");
    said(&process, "up").await;
    assert!(process.resident_memory() > 100_000, "{}", process.resident_memory());
    assert_eq!(process.threads(), 1);
    // Standard streams, the fifth, and what this test itself inherited.
    assert!(process.open_files() >= 4, "{}", process.open_files());
    assert!(process.processor_time() < LONG);
}

#[tokio::test]
#[should_panic(expected = "ended before it was ready; its output:\n  no configuration")]
async fn a_process_that_ends_before_it_is_ready_shows_its_output() {
    let mut process = shell("echo no configuration; sleep 0.2");
    said(&process, "no configuration").await;
    process.wait_until_ready().await;
}
