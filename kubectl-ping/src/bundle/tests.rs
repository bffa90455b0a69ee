//! A bundle of a cluster that a script stands for, read back with tar.

use std::process::Command;

use crate::arguments::{Cluster, SupportBundle, Target};

/// What no bundle may hold. The script prints each of them somewhere.
const SECRETS: [&str; 7] = [
    "ada@example.org",
    "482931",
    "hunter2",
    "s3cret-value",
    "eyJhbGciOiJFZERTQSJ9",
    "czNjcmV0",
    "x-anything",
];

const KUBECTL: &str = r#"#!/bin/sh
case "$*" in
*secret*|*configmap*) echo "a bundle asks for $*" >&2; exit 1 ;;
*"get pingstack demo"*) cat <<'END'
{"kind":"PingStack","metadata":{"name":"demo","annotations":{"other.example.org/note":"x-anything"}},
 "spec":{"smtp":{"host":"mail.example.org","from":"Ping <ada@example.org>","testRecipient":"ada@example.org"}},
 "status":{"conditions":[{"type":"Ready","status":"True","message":"users can sign in"}]}}
END
;;
*"get deployments"*) cat <<'END'
{"items":[{"kind":"Pod","spec":{"containers":[{"env":[{"name":"A","value":"s3cret-value"}],"args":["hunter2"]}]}},
 {"kind":"Secret","data":{"password":"czNjcmV0"}}]}
END
;;
*"get events"*) echo '{"items":[{"message":"Authorization: Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln"}]}' ;;
*logs*previous*) exit 1 ;;
*logs*) echo 'the code 482931 for ada@example.org, redis://u:hunter2@redis:6379' ;;
*) echo 'v1.34.0' ;;
esac
"#;

fn executable(folder: &std::path::Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let script = folder.join("kubectl");
    std::fs::write(&script, KUBECTL).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script.display().to_string()
}

#[tokio::test]
async fn a_bundle_holds_no_secret_no_address_and_no_code() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("bundle.tar.gz");
    let cluster = Cluster { namespace: None, context: None, kubectl: executable(folder.path()) };
    let target = Target { name: Some("demo".to_owned()), cluster };
    super::run(&SupportBundle { target, output: Some(output.clone()), tail: 10 }).await.unwrap();
    let unpack = Command::new("tar").args(["-xzf"]).arg(&output).current_dir(folder.path()).status().unwrap();
    assert!(unpack.success(), "tar cannot read the archive");
    let files = ["README.txt", "pingstack.json", "objects.json", "events.json", "version.txt", "nodes.txt"];
    let logs = super::PARTS.map(|part| format!("logs/{part}.txt"));
    for name in files.into_iter().map(str::to_owned).chain(logs) {
        let text = std::fs::read_to_string(folder.path().join("ping-support").join(&name)).unwrap();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{name} holds {secret}:\n{text}");
        }
        assert!(!text.is_empty(), "{name}");
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join("ping-support").join(name)).unwrap();
    assert!(
        read("pingstack.json").contains("users can sign in")
            && read("pingstack.json").contains("mail.example.org")
    );
    assert!(read("logs/redis-previous.txt").starts_with("not read: "), "what is missing is said");
}
