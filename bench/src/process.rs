//! What Linux says of processes and of the machine: processor time, memory, and who listens on a port.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};

/// The kernel's clock ticks in `/proc` are hundredths of a second on every platform that we build for.
const TICK: Duration = Duration::from_millis(10);

/// Processor time that a process has used, the kernel's for it included.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    parse_processor_time(&read(pid, "stat")?).with_context(|| format!("/proc/{pid}/stat has another form"))
}

/// Resident memory in bytes.
pub(crate) fn resident_memory(pid: u32) -> Result<u64> {
    let status = read(pid, "status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("no VmRSS in /proc/{pid}/status: the process has ended"))? * 1024)
}

/// Time that all cores together were busy.
pub(crate) fn machine_busy_time() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("/proc/stat cannot be read")?;
    parse_machine_busy_time(&stat).context("/proc/stat has another form")
}

/// The process that listens on a TCP port of this machine, whatever namespace of processes it is in.
pub(crate) fn listener(port: u16) -> Result<u32> {
    let sockets =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let inode = sockets.iter().find_map(|table| parse_listener(table, port));
    let socket = format!("socket:[{}]", inode.with_context(|| format!("nothing listens on port {port}"))?);
    let processes = fs::read_dir("/proc").context("/proc cannot be read")?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        files
            .flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == socket.as_str()))
    };
    pids.find(holds).with_context(|| {
        format!("nobody's open files show who listens on port {port}: run this as root, with servers of this machine")
    })
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))
}

/// The second field is the program's name in parentheses, and may hold spaces: fields are counted after it.
fn parse_processor_time(stat: &str) -> Option<Duration> {
    let fields = stat.rsplit(')').next()?.split_whitespace().collect::<Vec<_>>();
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(TICK * (ticks(11)? + ticks(12)?))
}

/// All fields of the first line but idle (4th) and waiting for a disk (5th); guests (9th, 10th) are in the first two.
fn parse_machine_busy_time(stat: &str) -> Option<Duration> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks = fields.take(8).map(|field| field.parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
    Some(TICK * ticks.iter().enumerate().filter(|(index, _)| ![3, 4].contains(index)).map(|(_, n)| n).sum())
}

/// The inode of the socket that listens (state 0A) on the port.
fn parse_listener(table: &str, port: u16) -> Option<&str> {
    let local_port = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields = line.split_whitespace().collect::<Vec<_>>();
        (fields.get(1)?.ends_with(&local_port) && *fields.get(3)? == "0A").then(|| fields.get(9).copied())?
    })
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, time::Duration};

    use super::{listener, parse_listener, parse_machine_busy_time, parse_processor_time, processor_time};

    #[test]
    fn processor_time_is_counted_after_the_programs_name() {
        let stat = "42 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 9 0 1 2";
        assert_eq!(parse_processor_time(stat), Some(Duration::from_secs(2)));
        assert_eq!(parse_processor_time("42 (x) S"), None);
        assert!(processor_time(std::process::id()).is_ok());
    }

    #[test]
    fn the_machine_is_busy_in_all_but_idle_and_waiting() {
        let stat = "cpu  100 0 50 9000 7000 10 20 20 5 5\ncpu0 1 1 1 1\n";
        assert_eq!(parse_machine_busy_time(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn only_a_listening_socket_counts() {
        let table = "  sl  local_address rem_address st …\n\
             0: 0100007F:1F90 0100007F:0001 01 0:0 00:0 0 0 0 11 1\n\
             1: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0 22 1\n";
        assert_eq!(parse_listener(table, 8080), Some("22"));
        assert_eq!(parse_listener(table, 8081), None);
    }

    #[test]
    fn this_process_is_found_by_its_port() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listener(socket.local_addr().unwrap().port()).unwrap(), std::process::id());
    }
}
