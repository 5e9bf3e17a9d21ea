//! `pub` and `sub`: stamped payloads from one process to another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use dynamo_runtime::transports::event_plane::EventPublisher;
use dynamo_runtime::Runtime;
use serde_json::{json, Value};

use crate::console::{self, cpu_seconds, monotonic_ns, say, sleep_until_ns, Console};
use crate::place::{self, PlaceFlags, Source};

const WARM_UP: u64 = 1 << 63;
const WARM_UP_PAUSE: Duration = Duration::from_millis(5);

#[derive(Args, Clone, Debug)]
pub struct PubFlags {
    #[command(flatten)]
    pub at: PlaceFlags,
    #[arg(long, default_value_t = 100_000)]
    pub count: u64,
    #[arg(long, default_value_t = 200)]
    pub size: usize,
    #[arg(long, default_value_t = 0.0)]
    pub rate: f64,
    #[arg(long, default_value_t = 1)]
    pub burst: u64,
}

pub fn stamp(payload: &mut [u8], index: u64, sent_ns: u64) {
    payload[..8].copy_from_slice(&index.to_le_bytes());
    payload[8..16].copy_from_slice(&sent_ns.to_le_bytes());
}

pub fn read_stamp(payload: &[u8]) -> Option<(u64, u64)> {
    let word = |at: usize| Some(u64::from_le_bytes(payload.get(at..at + 8)?.try_into().ok()?));
    Some((word(0)?, word(8)?))
}

pub fn new_payload(size: usize) -> Vec<u8> {
    vec![0x5a; size.max(16)]
}

/// Sends all messages of some publishers in turn; how many failed.
async fn send_all(to: &[EventPublisher], flags: &PubFlags) -> u64 {
    let mut payload = new_payload(flags.size);
    let began = monotonic_ns();
    let mut failed = 0;
    let total_rate = flags.rate * to.len() as f64;
    for next in 0..flags.count * to.len() as u64 {
        if flags.rate > 0.0 && next % flags.burst == 0 {
            let due = began + (next as f64 / total_rate * 1e9) as u64;
            if monotonic_ns() < due {
                sleep_until_ns(due);
            }
        }
        stamp(&mut payload, next / to.len() as u64, monotonic_ns());
        let one = &to[(next % to.len() as u64) as usize];
        failed += one.publish_bytes_ref(&payload).await.is_err() as u64;
    }
    failed
}

async fn warm_up(to: &[EventPublisher], flags: &PubFlags, console: &mut Console) -> Result<String> {
    let mut payload = new_payload(flags.size);
    for round in 0.. {
        stamp(&mut payload, WARM_UP | round, monotonic_ns());
        for one in to {
            one.publish_bytes_ref(&payload).await?;
        }
        if let Some(command) = console.next_within(WARM_UP_PAUSE).await {
            return Ok(command);
        }
    }
    unreachable!("rounds do not end")
}

/// Up to four publishers have a thread each, more of them share one.
async fn measure(to: Vec<EventPublisher>, flags: &PubFlags) -> Result<Vec<EventPublisher>> {
    let shares: Vec<Vec<EventPublisher>> = match to.len() {
        0..=4 => to.into_iter().map(|one| vec![one]).collect(),
        _ => vec![to],
    };
    let handle = tokio::runtime::Handle::current();
    let cpu_before = cpu_seconds();
    let began = monotonic_ns();
    let threads: Vec<_> = shares
        .into_iter()
        .map(|share| {
            let (handle, flags) = (handle.clone(), flags.clone());
            std::thread::spawn(move || {
                let failed = handle.block_on(send_all(&share, &flags));
                (share, failed)
            })
        })
        .collect();
    let ended = tokio::task::spawn_blocking(move || {
        threads.into_iter().map(|t| t.join().expect("a publishing thread")).collect::<Vec<_>>()
    })
    .await?;
    let elapsed_s = (monotonic_ns() - began) as f64 * 1e-9;
    let failed: u64 = ended.iter().map(|(_, failed)| failed).sum();
    let back: Vec<EventPublisher> = ended.into_iter().flat_map(|(share, _)| share).collect();
    say(
        "result",
        json!({
            "sent": flags.count * back.len() as u64 - failed, "errors": failed,
            "elapsed_s": elapsed_s, "cpu_s": cpu_seconds() - cpu_before,
            "peak_rss_bytes": console::peak_rss_bytes(), "threads": console::threads(),
        }),
    );
    Ok(back)
}

pub async fn publish(runtime: Runtime, flags: PubFlags, mut console: Console) -> Result<()> {
    let drt = place::connect(runtime).await?;
    let mut to = place::publishers(&drt, &flags.at).await?;
    let mut cpu_before = cpu_seconds();
    say("ready", json!({}));
    let mut command = console.next().await;
    while command != "end" {
        match command.as_str() {
            "warm" => {
                command = warm_up(&to, &flags, &mut console).await?;
                continue;
            }
            "go" => {
                cpu_before = cpu_seconds();
                to = measure(to, &flags).await?;
            }
            "final" => console::say_final(cpu_before),
            _ => {}
        }
        command = console.next().await;
    }
    Ok(())
}

#[derive(Args, Clone, Debug)]
pub struct SubFlags {
    #[command(flatten)]
    pub at: PlaceFlags,
    #[arg(long, default_value_t = 100_000)]
    pub expect: u64,
    #[arg(long, default_value_t = 200)]
    pub size: usize,
    #[arg(long, default_value = "generic")]
    pub source: Source,
}

/// What arrived on one task.
#[derive(Default)]
struct Tally {
    latencies_ns: Vec<u64>,
    next_index: HashMap<u64, u64>,
    duplicates: u64,
    first_ns: u64,
    last_ns: u64,
    cpu_first_s: f64,
    cpu_last_s: f64,
}

impl Tally {
    fn take(&mut self, publisher: u64, payload: &[u8]) -> bool {
        let Some((index, sent_ns)) = read_stamp(payload) else { return false };
        let next = self.next_index.entry(publisher).or_insert(0);
        if index & WARM_UP != 0 {
            return false;
        }
        let now = monotonic_ns();
        if index < *next {
            self.duplicates += 1;
            return false;
        }
        *next = index + 1;
        if self.latencies_ns.is_empty() {
            self.first_ns = now;
            self.cpu_first_s = cpu_seconds();
            self.cpu_last_s = self.cpu_first_s;
        }
        self.latencies_ns.push(now - sent_ns);
        self.last_ns = now;
        if self.latencies_ns.len() % 256 == 0 {
            self.cpu_last_s = cpu_seconds();
        }
        true
    }
}

/// What all tasks of a subscriber share with the console.
struct Shared {
    heard: AtomicU64,
    received: AtomicU64,
    expected: u64,
    done: AtomicBool,
    tallies: Vec<Mutex<Tally>>,
}

impl Shared {
    fn take(&self, task: usize, publisher: u64, payload: &[u8]) {
        let mut tally = self.tallies[task].lock().expect("a tally");
        let known = tally.next_index.len();
        let counted = tally.take(publisher, payload);
        self.heard.fetch_add((tally.next_index.len() - known) as u64, Ordering::Relaxed);
        if counted && self.received.fetch_add(1, Ordering::Relaxed) + 1 == self.expected {
            tally.cpu_last_s = cpu_seconds();
            self.done.store(true, Ordering::Release);
        }
    }

    fn result(&self) -> Value {
        let mut latencies = Vec::new();
        let (mut first, mut last) = (u64::MAX, 0);
        let (mut cpu_first, mut cpu_last) = (f64::MAX, 0.0f64);
        let mut duplicates = 0;
        for tally in &self.tallies {
            let tally = tally.lock().expect("a tally");
            if !tally.latencies_ns.is_empty() {
                first = first.min(tally.first_ns);
                last = last.max(tally.last_ns);
                cpu_first = cpu_first.min(tally.cpu_first_s);
                cpu_last = cpu_last.max(tally.cpu_last_s);
            }
            duplicates += tally.duplicates;
            latencies.extend_from_slice(&tally.latencies_ns);
        }
        json!({
            "received": latencies.len(),
            "lost": self.expected.saturating_sub(latencies.len() as u64),
            "duplicates": duplicates,
            "elapsed_s": last.saturating_sub(first) as f64 * 1e-9,
            "cpu_s": (cpu_last - cpu_first).max(0.0),
            "peak_rss_bytes": console::peak_rss_bytes(), "threads": console::threads(),
            "fds": console::descriptors(), "latency_ns": console::percentiles(&mut latencies),
        })
    }
}

pub async fn subscribe(runtime: Runtime, flags: SubFlags, mut console: Console) -> Result<()> {
    let drt = place::connect(runtime).await?;
    let expected = flags.expect * flags.at.publishers as u64;
    let tasks = if flags.source == Source::Generic { 1 } else { flags.at.publishers };
    let shared = Arc::new(Shared {
        heard: AtomicU64::new(0),
        received: AtomicU64::new(0),
        expected,
        done: AtomicBool::new(false),
        tallies: (0..tasks).map(|_| Mutex::new(Tally::default())).collect(),
    });
    for tally in &shared.tallies {
        tally.lock().expect("a tally").latencies_ns.reserve(expected as usize / tasks);
    }
    match flags.source {
        Source::Generic => {
            let mut from = place::subscriber(&drt, &flags.at.topic).await?;
            let shared = shared.clone();
            tokio::spawn(async move {
                while let Some(item) = from.next().await {
                    if let Ok(e) = item {
                        shared.take(0, e.publisher_id, &e.payload);
                    }
                }
            });
        }
        Source::Validated => {
            for (task, mut from) in place::sources(&drt, &flags.at).await?.into_iter().enumerate() {
                let shared = shared.clone();
                tokio::spawn(async move {
                    while let Some(item) = from.next().await {
                        if let Ok(e) = item {
                            shared.take(task, e.publisher_id, &e.payload);
                        }
                    }
                });
            }
        }
    }
    let cpu_before = cpu_seconds();
    say("ready", json!({}));
    let (mut said_warm, mut said_result) = (false, false);
    loop {
        let look = Duration::from_millis(if said_warm { 20 } else { 1 });
        let command = console.next_within(look).await.unwrap_or_default();
        if !said_warm && shared.heard.load(Ordering::Relaxed) >= flags.at.publishers as u64 {
            said_warm = true;
            say("warm", json!({}));
        }
        if !said_result && (shared.done.load(Ordering::Acquire) || command == "stop") {
            said_result = true;
            say("result", shared.result());
        }
        match command.as_str() {
            "progress" => {
                say("progress", json!({"received": shared.received.load(Ordering::Relaxed)}))
            }
            "final" => console::say_final(cpu_before),
            "end" => return Ok(()),
            _ => {}
        }
    }
}
