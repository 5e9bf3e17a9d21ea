//! Commands from stdin, events to stdout, and what the process has used.

use std::io::{BufRead, Write};
use std::time::Duration;

use serde_json::{json, Value};
use tokio::sync::mpsc;

pub struct Console {
    commands: mpsc::UnboundedReceiver<String>,
}

impl Console {
    /// Reads stdin in a thread of its own.
    pub fn open() -> Self {
        let (to, commands) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { break };
                if to.send(line).is_err() {
                    break;
                }
            }
        });
        Console { commands }
    }

    /// The next command; the end of stdin is "end".
    pub async fn next(&mut self) -> String {
        self.commands.recv().await.unwrap_or_else(|| "end".into())
    }

    pub async fn next_within(&mut self, time: Duration) -> Option<String> {
        tokio::time::timeout(time, self.next()).await.ok()
    }
}

/// Says an event with its fields, an object.
pub fn say(event: &str, mut fields: Value) {
    fields["event"] = event.into();
    let mut out = std::io::stdout().lock();
    // Nobody is left to tell when nobody reads.
    let _ = writeln!(out, "{fields}");
    let _ = out.flush();
}

/// The answer to "final".
pub fn say_final(cpu_before: f64) {
    say(
        "final",
        json!({
            "cpu_s": cpu_seconds() - cpu_before,
            "rss_bytes": status_number("VmRSS:") * 1024,
            "rss_own_bytes": status_number("RssAnon:") * 1024,
            "peak_rss_bytes": peak_rss_bytes(),
            "threads": threads(),
            "fds": descriptors(),
        }),
    );
}

pub fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Makes the sleeps of this thread, and of those that it starts, exact.
pub fn sleep_exactly() {
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}

/// The process ends with the one that started it.
pub fn end_with_parent() {
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

pub fn sleep_until_ns(due: u64) {
    let until = libc::timespec {
        tv_sec: (due / 1_000_000_000) as libc::time_t,
        tv_nsec: (due % 1_000_000_000) as libc::c_long,
    };
    unsafe {
        let at = libc::TIMER_ABSTIME;
        libc::clock_nanosleep(libc::CLOCK_MONOTONIC, at, &until, std::ptr::null_mut());
    }
}

/// User and system time of the process.
pub fn cpu_seconds() -> f64 {
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut used) };
    let of = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    of(used.ru_utime) + of(used.ru_stime)
}

pub fn peak_rss_bytes() -> u64 {
    status_number("VmHWM:") * 1024
}

pub fn threads() -> u64 {
    status_number("Threads:")
}

pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, |d| d.count().saturating_sub(1))
}

fn status_number(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(name));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// p50 to max by nearest rank.
pub fn percentiles(values: &mut [u64]) -> Value {
    values.sort_unstable();
    let at = |fraction: f64| match values.len() {
        0 => 0,
        n => values[((n as f64 * fraction).ceil() as usize).clamp(1, n) - 1],
    };
    json!({"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0)})
}
