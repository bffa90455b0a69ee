//! `rabbitmqctl` on a RabbitMQ that `dev/server` runs, with that server's own environment: it names the node, and the port of
//! its epmd.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use tokio::process::Command;

/// For bash in the container.
const WITH_ENVIRONMENT_OF_SERVER: &str =
    r#"mapfile -d "" -t environment </proc/1/environ; exec env -i "${environment[@]}" rabbitmqctl "$@""#;

/// Runs it on the node that speaks AMQP at a port.
///
/// # Panics
/// When it cannot be run; what it says of a refusal is in its output.
pub(super) async fn rabbitmqctl(port: u16, arguments: &[&str]) -> Output {
    let words = words(port).await;
    let mut command = Command::new(&words[0]);
    let command = command.args(&words[1..]).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.unwrap_or_else(|error| panic!("rabbitmqctl cannot be run: {error}"))
}

/// The same as a command of a shell, which arguments may follow. It ends with the server's process.
pub(super) async fn in_shell(port: u16) -> String {
    let words = words(port).await;
    let quoted = words.iter().map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''")));
    quoted.collect::<Vec<_>>().join(" ")
}

async fn words(port: u16) -> Vec<OsString> {
    let container = format!("ping-rabbitmq-{port}");
    if is_container(&container).await {
        let words = ["docker", "exec", &container, "bash", "-c", WITH_ENVIRONMENT_OF_SERVER, "rabbitmqctl"];
        words.map(OsString::from).to_vec()
    } else {
        in_root_file_system(port)
    }
}

async fn is_container(name: &str) -> bool {
    let inspected = Command::new("docker").args(["inspect", name]).output().await;
    inspected.is_ok_and(|output| output.status.success())
}

/// In the namespaces of the server, as its user.
fn in_root_file_system(port: u16) -> Vec<OsString> {
    let (process, environment) = server(port).unwrap_or_else(|| {
        panic!("no RabbitMQ of dev/server listens on port {port}: start one with dev/server")
    });
    let enter = ["nsenter", "--target", &process, "--mount", "--pid", "--root", "--wd"];
    let user = ["setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", "--no-new-privs"];
    let before = enter.into_iter().chain(user).chain(["env", "-i"]).map(OsString::from);
    before.chain(environment).chain(["rabbitmqctl".into()]).collect()
}

/// The id of the server's process, and its environment.
fn server(port: u16) -> Option<(String, Vec<OsString>)> {
    let node = OsString::from(format!("RABBITMQ_NODENAME=ping-{port}@localhost"));
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut servers = processes.filter_map(|process| {
        let name = fs::read_to_string(process.path().join("comm")).ok()?;
        let environment = (name.trim_end() == "beam.smp").then(|| environment(&process.path()))??;
        environment.contains(&node).then(|| (process.file_name().to_string_lossy().into_owned(), environment))
    });
    servers.next()
}

fn environment(process: &Path) -> Option<Vec<OsString>> {
    let bytes = fs::read(process.join("environ")).ok()?;
    let variables = bytes.split(|byte| *byte == 0).filter(|variable| !variable.is_empty());
    Some(variables.map(|variable| OsString::from_vec(variable.to_vec())).collect())
}

#[cfg(test)]
mod tests {
    use super::{environment, server};

    #[test]
    fn the_environment_of_a_process_is_read_variable_by_variable() {
        let own = environment(std::path::Path::new("/proc/self")).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        assert!(own.iter().any(|variable| {
            variable.to_str().and_then(|text| text.strip_prefix("PATH=")) == path.to_str()
        }));
        assert!(own.iter().all(|variable| !variable.is_empty()));
    }

    #[test]
    fn a_port_without_a_server_is_found_to_have_none() {
        assert!(server(1).is_none());
    }
}
