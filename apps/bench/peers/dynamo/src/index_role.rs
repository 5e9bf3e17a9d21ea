//! `index`: an index under a trace, without sockets.

use anyhow::Result;
use clap::{Args, ValueEnum};
use dynamo_kv_router::protocols::LocalBlockHash;
use rustc_hash::FxHashMap;
use serde_json::{json, Value};
use tokio::runtime::Handle;

use crate::console::{monotonic_ns, percentiles, say, sleep_until_ns};
use crate::index::{Index, Which};
use crate::workload::{read_trace, Fleet, Mix, Request};

/// Answers that are compared with the caches.
const CHECKED: usize = 2000;
/// Passes of the lookups whose rate is measured.
const LOOKUP_ROUNDS: usize = 3;

#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Phase {
    /// All events, then lookups in what they left.
    Ingest,
    /// Each request is looked up before its events.
    Mixed,
    /// Bytes for each pair of a worker and a block.
    Memory,
}

#[derive(Args, Clone, Debug)]
pub struct IndexFlags {
    #[arg(long)]
    pub trace: String,
    #[arg(long, default_value = "concurrent")]
    pub which: Which,
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    #[arg(long, default_value_t = 16)]
    pub workers: usize,
    #[arg(long, default_value_t = 16_384)]
    pub capacity: usize,
    #[arg(long, default_value_t = 1)]
    pub warm_cycles: u64,
    #[arg(long, default_value_t = 8)]
    pub cycles: u64,
    /// Requests a second of the mixed phase; 0: no pause.
    #[arg(long, default_value_t = 0.0)]
    pub request_rate: f64,
    #[arg(long, default_value = "ingest")]
    pub phase: Phase,
    /// Requests of the trace; 0: all.
    #[arg(long, default_value_t = 0)]
    pub requests: usize,
    /// Every role has it.
    #[arg(long)]
    pub transport: Option<String>,
}

struct Play {
    warm: Vec<Request>,
    timed: Vec<Request>,
    fleet: Fleet,
    mix: Mix,
}

fn play_of(flags: &IndexFlags) -> Result<Play> {
    let mut trace = read_trace(&flags.trace)?;
    if flags.requests > 0 {
        trace.truncate(flags.requests);
    }
    let mut fleet = Fleet::new(flags.workers, flags.capacity);
    let warm = fleet.play(&trace, 0..flags.warm_cycles);
    fleet.mix = Mix::default();
    let timed = fleet.play(&trace, flags.warm_cycles..flags.warm_cycles + flags.cycles);
    let mix = fleet.mix;
    Ok(Play { warm, timed, fleet, mix })
}

fn feed(index: &mut Index, requests: &mut [Request]) {
    for request in requests {
        for event in [request.removed.take(), request.stored.take()].into_iter().flatten() {
            index.apply(event);
        }
    }
}

/// Lookups, the newest requests first, that differ from what the caches hold.
fn wrong_answers(index: &Index, play: &Play) -> usize {
    let newest = play.timed.iter().rev().take(CHECKED);
    newest
        .filter(|request| {
            let found = index.find(&request.local, index.copy_for(&request.local));
            let rows = found.scores.iter().map(|(rank, blocks)| (rank.worker_id, *blocks));
            rows.collect::<FxHashMap<u64, u32>>() != play.fleet.expected(&request.local)
        })
        .count()
}

fn result_of(mix: &Mix, fields: Value) {
    let mut all = json!({
        "events": mix.events, "stored": mix.stored, "removed": mix.removed,
        "looked_up": mix.looked_up,
    });
    for (name, value) in fields.as_object().expect("an object") {
        all[name] = value.clone();
    }
    say("result", all);
}

/// Outside Tokio's own threads.
pub fn run(handle: Handle, flags: IndexFlags) -> Result<()> {
    let _entered = handle.enter();
    match flags.phase {
        Phase::Ingest => ingest(&handle, &flags),
        Phase::Mixed => mixed(&handle, &flags),
        Phase::Memory => memory(&handle, &flags),
    }
}

fn warmed(handle: &Handle, flags: &IndexFlags, play: &mut Play) -> Result<Index> {
    let mut index = Index::new(flags.which, flags.threads);
    feed(&mut index, &mut play.warm);
    handle.block_on(index.drain())?;
    play.warm = Vec::new();
    Ok(index)
}

fn ingest(handle: &Handle, flags: &IndexFlags) -> Result<()> {
    let mut play = play_of(flags)?;
    let mut index = warmed(handle, flags, &mut play)?;
    let began = monotonic_ns();
    feed(&mut index, &mut play.timed);
    handle.block_on(index.drain())?;
    let seconds = (monotonic_ns() - began) as f64 * 1e-9;
    let wrong = wrong_answers(&index, &play);
    let last_cycle = play.timed.len() - play.timed.len() / flags.cycles.max(1) as usize;
    let (per_second, mut times) = lookups(&index, &play.timed[last_cycle..]);
    let block_ops = play.mix.stored + play.mix.removed;
    result_of(
        &play.mix,
        json!({
            "block_ops": block_ops, "elapsed_s": seconds,
            "block_ops_per_s": block_ops as f64 / seconds, "wrong_answers": wrong,
            "lookups_per_s": per_second, "lookup_ns": percentiles(&mut times),
        }),
    );
    index.shutdown();
    Ok(())
}

/// Their rate, and the time of each.
fn lookups(index: &Index, requests: &[Request]) -> (f64, Vec<u64>) {
    let queries: Vec<&[LocalBlockHash]> = requests.iter().map(|r| r.local.as_slice()).collect();
    // What a call consumes is made before its clock starts.
    let mut nanoseconds = 0;
    for _ in 0..LOOKUP_ROUNDS {
        let copies: Vec<_> = queries.iter().map(|local| index.copy_for(local)).collect();
        let began = monotonic_ns();
        for (local, copy) in queries.iter().zip(copies) {
            std::hint::black_box(index.find(local, copy));
        }
        nanoseconds += monotonic_ns() - began;
    }
    let seconds = nanoseconds as f64 * 1e-9;
    let mut times = Vec::with_capacity(queries.len());
    for local in &queries {
        let copy = index.copy_for(local);
        let before = monotonic_ns();
        let found = index.find(local, copy);
        times.push(monotonic_ns() - before);
        drop(found);
    }
    ((queries.len() * LOOKUP_ROUNDS) as f64 / seconds, times)
}

fn mixed(handle: &Handle, flags: &IndexFlags) -> Result<()> {
    let mut play = play_of(flags)?;
    let mut index = warmed(handle, flags, &mut play)?;
    let copies: Vec<_> = play.timed.iter().map(|r| index.copy_for(&r.local)).collect();
    let mut times = Vec::with_capacity(play.timed.len());
    let began = monotonic_ns();
    for (at, (request, copy)) in play.timed.iter_mut().zip(copies).enumerate() {
        if flags.request_rate > 0.0 {
            sleep_until_ns(began + (at as f64 / flags.request_rate * 1e9) as u64);
        }
        let before = monotonic_ns();
        let found = index.find(&request.local, copy);
        times.push(monotonic_ns() - before);
        drop(found);
        for event in [request.removed.take(), request.stored.take()].into_iter().flatten() {
            index.apply(event);
        }
    }
    handle.block_on(index.drain())?;
    let seconds = (monotonic_ns() - began) as f64 * 1e-9;
    let block_ops = play.mix.stored + play.mix.removed + play.mix.looked_up;
    result_of(
        &play.mix,
        json!({
            "block_ops": block_ops, "elapsed_s": seconds,
            "block_ops_per_s": block_ops as f64 / seconds,
            "wrong_answers": wrong_answers(&index, &play), "lookup_ns": percentiles(&mut times),
        }),
    );
    index.shutdown();
    Ok(())
}

/// Live bytes of the heap, its mapped pieces included.
fn heap_bytes() -> u64 {
    let now = unsafe { libc::mallinfo2() };
    (now.uordblks + now.hblkhd) as u64
}

/// Events are made before and gone after, and the queues, which never shrink,
/// are kept short: what is left is the index.
fn memory(handle: &Handle, flags: &IndexFlags) -> Result<()> {
    let before = heap_bytes();
    let mut play = play_of(flags)?;
    let mut index = Index::new(flags.which, flags.threads);
    for part in play.warm.chunks_mut(64).chain(play.timed.chunks_mut(64)) {
        feed(&mut index, part);
        handle.block_on(index.drain())?;
    }
    let (pairs, mix) = (play.fleet.pairs(), play.mix);
    drop(play);
    unsafe { libc::malloc_trim(0) };
    let unswept = heap_bytes().saturating_sub(before);
    index.sweep();
    unsafe { libc::malloc_trim(0) };
    let swept = heap_bytes().saturating_sub(before);
    result_of(
        &mix,
        json!({
            "bytes_per_pair": swept as f64 / pairs as f64,
            "unswept_bytes_per_pair": unswept as f64 / pairs as f64, "pairs": pairs,
        }),
    );
    index.shutdown();
    Ok(())
}
