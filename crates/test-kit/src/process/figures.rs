//! What Linux says of a process: memory, open files, threads, processor time.

use std::fs;
use std::time::Duration;

use super::ServiceProcess;

/// The kernel's clock ticks in `/proc` are hundredths of a second on every platform that we build for.
const TICK: Duration = Duration::from_millis(10);

impl ServiceProcess {
    /// Resident memory in bytes (`VmRSS`).
    ///
    /// # Panics
    /// When the process has ended.
    #[must_use]
    pub fn resident_memory(&self) -> u64 {
        self.status("VmRSS:") * 1024
    }

    /// Number of threads.
    ///
    /// # Panics
    /// When the process has ended.
    #[must_use]
    pub fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    /// Number of open files, sockets included.
    ///
    /// # Panics
    /// When the process has ended.
    #[must_use]
    pub fn open_files(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.running_pid());
        fs::read_dir(&folder).map_or_else(|error| panic!("{folder} cannot be read: {error}"), Iterator::count)
    }

    /// Processor time used, by the process and the kernel for it.
    ///
    /// # Panics
    /// When the process has ended.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let stat = self.read("stat");
        // The second field is the program's name in parentheses, and may hold spaces: fields are counted after it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok()).unwrap_or_default();
        TICK * (ticks(11) + ticks(12))
    }

    fn status(&self, field: &str) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {field} in /proc/{}/status", self.running_pid()))
    }

    fn read(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.running_pid());
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
    }

    fn running_pid(&self) -> u32 {
        self.pid().unwrap_or_else(|| panic!("the process has ended: it has no figures"))
    }
}
