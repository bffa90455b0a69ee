//! The processes' clocks are ten minutes apart. Case 23.

use system_tests::platform::{Platform, Setup};
use test_kit::wait::wait_for;

use crate::rig::{DEADLINE, login, mailed};

#[tokio::test]
async fn case_23_clocks_ten_minutes_apart_change_nothing() {
    for through in [
        [vec!["faketime", "-f", "+10m"], vec!["faketime", "-f", "-10m"]],
        [vec!["faketime", "-f", "-10m"], vec!["faketime", "-f", "+10m"]],
    ] {
        let platform = Platform::start_with(Setup { through, ..Setup::default() }).await;
        login(&platform, "clock@example.org").await;
        mailed(&platform, "clock@example.org").await;
        let code =
            wait_for("the code", DEADLINE, || async { platform.smtp.delivered().first()?.code() }).await;
        let answer = platform.client.verify("clock@example.org", &code).await.expect("no answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
