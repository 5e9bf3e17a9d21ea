//! `kv-pub` and `kv-index`: kv-events from sockets into the index.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use dynamo_kv_router::protocols::{
    compute_seq_hash_for_block, ExternalSequenceBlockHash, KvCacheEvent, KvCacheEventData,
    KvCacheRemoveData, LocalBlockHash, RouterEvent,
};
use dynamo_runtime::transports::event_plane::{Codec, EventPublisher};
use dynamo_runtime::Runtime;
use futures::stream::{self, BoxStream};
use futures::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::console::{self, cpu_seconds, monotonic_ns, say, sleep_until_ns, Console};
use crate::index::{Index, Which};
use crate::place::{self, PlaceFlags, Source};
use crate::workload::{stored_data, SEED};

const TOPIC: &str = "kv-events";
const CHUNKS: u64 = 8;
const STEPS: u64 = 2 * CHUNKS;
const LIVE_REQUESTS: u64 = 64;
const BLOCKS_PER_EVENT: u64 = 8;

/// The events of one worker: see kv_workload.hpp of the C++ side.
struct Workload {
    number: u64,
    blocks: u64,
    step: u64,
    event_id: u64,
}

impl Workload {
    fn new(number: u64, blocks: u64) -> Self {
        Workload { number, blocks, step: 0, event_id: 0 }
    }

    fn local(&self, request: u64) -> Vec<LocalBlockHash> {
        let hash = |block: u64| {
            let own = if block < CHUNKS / 2 * self.blocks { 0 } else { self.number + 1 };
            let words: Vec<u8> =
                [request, block, own].iter().flat_map(|word| word.to_le_bytes()).collect();
            LocalBlockHash(xxh3_64_with_seed(&words, SEED))
        };
        (0..CHUNKS * self.blocks).map(hash).collect()
    }

    fn range(&self, chunk: u64) -> std::ops::Range<usize> {
        (chunk * self.blocks) as usize..((chunk + 1) * self.blocks) as usize
    }

    fn next(&mut self) -> RouterEvent {
        let (request, part) = (self.step / STEPS, self.step % STEPS);
        if part >= CHUNKS && request < LIVE_REQUESTS {
            self.step = (request + 1) * STEPS;
            return self.next();
        }
        self.step += 1;
        self.event_id += 1;
        let data = if part < CHUNKS {
            let local = self.local(request);
            stored_data(&local, &compute_seq_hash_for_block(&local), self.range(part))
        } else {
            let names = compute_seq_hash_for_block(&self.local(request - LIVE_REQUESTS));
            let gone = names[self.range(STEPS - 1 - part)].iter();
            let block_hashes = gone.map(|name| ExternalSequenceBlockHash(*name)).collect();
            KvCacheEventData::Removed(KvCacheRemoveData { block_hashes })
        };
        let event = KvCacheEvent { event_id: self.event_id, data, dp_rank: 0 };
        RouterEvent::new(self.number + 1, event)
    }

    fn whole_requests(&self) -> std::ops::Range<u64> {
        let (request, part) = (self.step / STEPS, self.step % STEPS);
        let end = if part >= CHUNKS { request + 1 } else { request };
        let removing = part > CHUNKS && request >= LIVE_REQUESTS;
        request.saturating_sub(LIVE_REQUESTS) + removing as u64..end
    }
}

#[derive(Args, Clone, Debug)]
pub struct KvPubFlags {
    #[command(flatten)]
    pub at: PlaceFlags,
    #[arg(long, default_value_t = 100_000)]
    pub events: u64,
    #[arg(long, default_value_t = 1)]
    pub events_per_message: u64,
    #[arg(long, default_value_t = 8)]
    pub blocks: u64,
    #[arg(long, default_value_t = 0.0)]
    pub rate: f64,
    #[arg(long)]
    pub source: Option<String>,
}

fn payloads(flags: &KvPubFlags, number: u64) -> Result<Vec<Bytes>> {
    let mut worker = Workload::new(number, flags.blocks);
    let mut all = Vec::new();
    let mut left = flags.events;
    while left > 0 {
        let count = flags.events_per_message.min(left);
        let message: Vec<RouterEvent> = (0..count).map(|_| worker.next()).collect();
        all.push(Codec::default().encode_payload(&message)?);
        left -= count;
    }
    Ok(all)
}

async fn send(to: &EventPublisher, payloads: &[Bytes], messages_per_s: f64) -> u64 {
    let began = monotonic_ns();
    let mut failed = 0;
    for (at, payload) in payloads.iter().enumerate() {
        if messages_per_s > 0.0 {
            let due = began + (at as f64 / messages_per_s * 1e9) as u64;
            if monotonic_ns() < due {
                sleep_until_ns(due);
            }
        }
        failed += to.publish_bytes_ref(payload).await.is_err() as u64;
    }
    failed
}

pub async fn publish(runtime: Runtime, mut flags: KvPubFlags, mut console: Console) -> Result<()> {
    flags.at.topic = TOPIC.into();
    let drt = place::connect(runtime).await?;
    let bodies: Result<Vec<_>> = (0..flags.at.publishers as u64).map(|n| payloads(&flags, n)).collect();
    let mut work: Vec<_> = place::publishers(&drt, &flags.at).await?.into_iter().zip(bodies?).collect();
    let nothing = Codec::default().encode_payload(&Vec::<RouterEvent>::new())?;
    let mut cpu_before = cpu_seconds();
    say("ready", json!({}));
    let mut command = console.next().await;
    while command != "end" {
        match command.as_str() {
            "warm" => {
                command = loop {
                    for (to, _) in &work {
                        to.publish_bytes_ref(&nothing).await?;
                    }
                    if let Some(next) = console.next_within(Duration::from_millis(5)).await {
                        break next;
                    }
                };
                continue;
            }
            "go" => {
                cpu_before = cpu_seconds();
                work = measure(work, &flags).await?;
            }
            "final" => console::say_final(cpu_before),
            _ => {}
        }
        command = console.next().await;
    }
    Ok(())
}

type Work = Vec<(EventPublisher, Vec<Bytes>)>;

async fn measure(work: Work, flags: &KvPubFlags) -> Result<Work> {
    let handle = tokio::runtime::Handle::current();
    let messages_per_s = flags.rate / flags.events_per_message as f64;
    let cpu_before = cpu_seconds();
    let began = monotonic_ns();
    let threads: Vec<_> = work
        .into_iter()
        .map(|(to, bodies)| {
            let handle = handle.clone();
            std::thread::spawn(move || {
                let failed = handle.block_on(send(&to, &bodies, messages_per_s));
                ((to, bodies), failed)
            })
        })
        .collect();
    let ended = tokio::task::spawn_blocking(move || {
        threads.into_iter().map(|t| t.join().expect("a publishing thread")).collect::<Vec<_>>()
    })
    .await?;
    let elapsed_s = (monotonic_ns() - began) as f64 * 1e-9;
    let failed: u64 = ended.iter().map(|(_, failed)| failed).sum();
    let back: Work = ended.into_iter().map(|(one, _)| one).collect();
    say(
        "result",
        json!({
            "sent": back.iter().map(|(_, b)| b.len() as u64).sum::<u64>() - failed,
            "errors": failed,
            "events": flags.events * back.len() as u64, "elapsed_s": elapsed_s,
            "cpu_s": cpu_seconds() - cpu_before,
            "peak_rss_bytes": console::peak_rss_bytes(), "threads": console::threads(),
        }),
    );
    Ok(back)
}

#[derive(Args, Clone, Debug)]
pub struct KvIndexFlags {
    #[command(flatten)]
    pub at: PlaceFlags,
    #[arg(long, default_value_t = 100_000)]
    pub expect: u64,
    #[arg(long, default_value = "validated")]
    pub source: Source,
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
}

/// One decoded message on its way to the index.
struct Decoded {
    publisher: u64,
    events: Vec<RouterEvent>,
}

struct Ingest {
    index: Index,
    expected: u64,
    publishers: usize,
    heard: HashSet<u64>,
    events: u64,
    first_ns: u64,
    last_ns: u64,
    cpu_first_s: f64,
    cpu_last_s: f64,
}

impl Ingest {
    fn take(&mut self, message: Decoded) {
        self.heard.insert(message.publisher);
        if message.events.is_empty() {
            return;
        }
        if self.events == 0 {
            self.first_ns = monotonic_ns();
            self.cpu_first_s = cpu_seconds();
        }
        self.events += message.events.len() as u64;
        message.events.into_iter().for_each(|event| self.index.apply(event));
    }

    async fn drain(&mut self) -> Result<()> {
        self.index.drain().await?;
        self.last_ns = monotonic_ns();
        self.cpu_last_s = cpu_seconds();
        Ok(())
    }

    fn say_result(&self) {
        let each = self.expected / self.publishers as u64;
        let (mut matched, mut wanted) = (0u64, 0u64);
        for number in 0..self.publishers as u64 {
            let mut worker = Workload::new(number, BLOCKS_PER_EVENT);
            (0..each).for_each(|_| drop(worker.next()));
            for request in worker.whole_requests() {
                let local = worker.local(request);
                wanted += local.len() as u64;
                let found = self.index.find(&local, self.index.copy_for(&local));
                let own = found.scores.iter().filter(|(rank, _)| rank.worker_id == number + 1);
                matched += own.map(|(_, blocks)| *blocks as u64).sum::<u64>();
            }
        }
        say(
            "result",
            json!({
                "events": self.events, "received": self.events,
                "lost": self.expected.saturating_sub(self.events),
                "elapsed_s": self.last_ns.saturating_sub(self.first_ns) as f64 * 1e-9,
                "cpu_s": self.cpu_last_s - self.cpu_first_s,
                "peak_rss_bytes": console::peak_rss_bytes(), "threads": console::threads(),
                "fds": console::descriptors(), "matched": matched, "matched_expected": wanted,
            }),
        );
    }
}

fn decoded(publisher: u64, payload: &Bytes) -> Option<Decoded> {
    let events = Codec::default().decode_payload(payload).ok()?;
    Some(Decoded { publisher, events })
}

/// As Dynamo's router reads: a single publisher in the task that owns the index;
/// of several each has a task that decodes, and they meet in front of the index.
async fn read(
    runtime: Runtime,
    at: &PlaceFlags,
    source: Source,
) -> Result<BoxStream<'static, Decoded>> {
    let drt = place::connect(runtime).await?;
    if source == Source::Generic {
        let events = place::subscriber(&drt, &at.topic).await?.typed::<Vec<RouterEvent>>();
        return Ok(stream::unfold(events, |mut events| async {
            loop {
                if let Ok((e, batch)) = events.next().await? {
                    let message = Decoded { publisher: e.publisher_id, events: batch };
                    return Some((message, events));
                }
            }
        })
        .boxed());
    }
    let mut sources = place::sources(&drt, at).await?;
    if sources.len() == 1 {
        let only = sources.remove(0);
        return Ok(stream::unfold(only, |mut source| async {
            loop {
                if let Ok(e) = source.next().await? {
                    if let Some(message) = decoded(e.publisher_id, &e.payload) {
                        return Some((message, source));
                    }
                }
            }
        })
        .boxed());
    }
    let (to, from) = mpsc::channel(1024);
    for mut source in sources {
        let to = to.clone();
        tokio::spawn(async move {
            while let Some(item) = source.next().await {
                let Ok(e) = item else { continue };
                let Some(message) = decoded(e.publisher_id, &e.payload) else { continue };
                if to.send(message).await.is_err() {
                    break;
                }
            }
        });
    }
    Ok(stream::unfold(from, |mut from| async { Some((from.recv().await?, from)) }).boxed())
}

pub async fn index(runtime: Runtime, mut flags: KvIndexFlags, mut console: Console) -> Result<()> {
    flags.at.topic = TOPIC.into();
    let mut from = read(runtime, &flags.at, flags.source).await?;
    let mut state = Ingest {
        index: Index::new(Which::Concurrent, flags.threads),
        expected: flags.expect,
        publishers: flags.at.publishers,
        heard: HashSet::new(),
        events: 0,
        first_ns: 0,
        last_ns: 0,
        cpu_first_s: 0.0,
        cpu_last_s: 0.0,
    };
    let cpu_before = cpu_seconds();
    say("ready", json!({}));
    let (mut said_warm, mut said_result) = (false, false);
    loop {
        tokio::select! {
            biased;
            Some(message) = from.next() => {
                state.take(message);
                if !said_warm && state.heard.len() >= flags.at.publishers {
                    said_warm = true;
                    say("warm", json!({}));
                }
                if !said_result && state.events >= flags.expect {
                    said_result = true;
                    state.drain().await?;
                    state.say_result();
                }
            }
            command = console.next() => match command.as_str() {
                "progress" => say("progress", json!({"received": state.events})),
                "final" => console::say_final(cpu_before),
                "stop" if !said_result => {
                    said_result = true;
                    state.drain().await?;
                    state.say_result();
                }
                "end" => break,
                _ => {}
            }
        }
    }
    state.index.shutdown();
    Ok(())
}
