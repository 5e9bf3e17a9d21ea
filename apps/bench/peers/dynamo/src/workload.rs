//! A trace as requests and events; the rules stand in apps/bench/README.md.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use dynamo_kv_router::protocols::{
    compute_seq_hash_for_block, ExternalSequenceBlockHash, KvCacheEvent, KvCacheEventData,
    KvCacheRemoveData, KvCacheStoreData, KvCacheStoredBlockData, LocalBlockHash, RouterEvent,
};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub const SEED: u64 = 1337;

#[derive(Deserialize)]
struct TraceLine {
    hash_ids: Vec<u64>,
}

pub fn read_trace(path: &str) -> Result<Vec<Vec<u64>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| Ok(serde_json::from_str::<TraceLine>(line)?.hash_ids)).collect()
}

/// A cache that drops what was used least lately; the end of a chain is always
/// older than its beginning.
struct Cache {
    capacity: usize,
    tick: u64,
    used_at: FxHashMap<u64, u64>,
    by_age: BTreeMap<u64, u64>,
}

impl Cache {
    fn new(capacity: usize) -> Self {
        Cache { capacity, tick: 0, used_at: FxHashMap::default(), by_age: BTreeMap::new() }
    }

    fn touch(&mut self, name: u64) {
        self.tick += 1;
        if let Some(before) = self.used_at.insert(name, self.tick) {
            self.by_age.remove(&before);
        }
        self.by_age.insert(self.tick, name);
    }

    fn leading(&self, names: &[u64]) -> usize {
        names.iter().take_while(|name| self.used_at.contains_key(name)).count()
    }

    /// How many leading blocks were there, and what had to go.
    fn use_all(&mut self, names: &[u64]) -> (usize, Vec<u64>) {
        let held = self.leading(names);
        names[..held].iter().rev().for_each(|name| self.touch(*name));
        let mut gone = Vec::new();
        while self.used_at.len() + names.len() - held > self.capacity {
            let (_, oldest) = self.by_age.pop_first().expect("a block to drop");
            self.used_at.remove(&oldest);
            gone.push(oldest);
        }
        names.iter().rev().for_each(|name| self.touch(*name));
        (held, gone)
    }
}

pub struct Request {
    pub local: Vec<LocalBlockHash>,
    pub removed: Option<RouterEvent>,
    pub stored: Option<RouterEvent>,
}

#[derive(Default, Clone, Copy)]
pub struct Mix {
    pub events: u64,
    pub looked_up: u64,
    pub stored: u64,
    pub removed: u64,
}

/// The workers' caches; requests go round.
pub struct Fleet {
    caches: Vec<Cache>,
    event_ids: Vec<u64>,
    served: usize,
    pub mix: Mix,
}

impl Fleet {
    pub fn new(workers: usize, capacity: usize) -> Self {
        Fleet {
            caches: (0..workers).map(|_| Cache::new(capacity)).collect(),
            event_ids: vec![0; workers],
            served: 0,
            mix: Mix::default(),
        }
    }

    /// All requests of some passes of the trace.
    pub fn play(&mut self, trace: &[Vec<u64>], cycles: std::ops::Range<u64>) -> Vec<Request> {
        let all = cycles.flat_map(|cycle| trace.iter().map(move |ids| (ids, cycle)));
        all.map(|(ids, cycle)| self.serve(ids, cycle)).collect()
    }

    fn event(&mut self, worker: usize, data: KvCacheEventData) -> RouterEvent {
        self.event_ids[worker] += 1;
        self.mix.events += 1;
        let event = KvCacheEvent { event_id: self.event_ids[worker], data, dp_rank: 0 };
        RouterEvent::new(worker as u64, event)
    }

    fn serve(&mut self, ids: &[u64], cycle: u64) -> Request {
        let worker = self.served % self.caches.len();
        self.served += 1;
        let hash = |id: &u64| xxh3_64_with_seed(&(id + (cycle << 32)).to_le_bytes(), SEED);
        let local: Vec<_> = ids.iter().map(|id| LocalBlockHash(hash(id))).collect();
        let names = compute_seq_hash_for_block(&local);
        let (held, gone) = self.caches[worker].use_all(&names);
        self.mix.looked_up += local.len() as u64;
        self.mix.removed += gone.len() as u64;
        self.mix.stored += (names.len() - held) as u64;
        let removed = (!gone.is_empty()).then(|| {
            let block_hashes = gone.into_iter().map(ExternalSequenceBlockHash).collect();
            self.event(worker, KvCacheEventData::Removed(KvCacheRemoveData { block_hashes }))
        });
        let stored = (held < names.len())
            .then(|| self.event(worker, stored_data(&local, &names, held..names.len())));
        Request { local, removed, stored }
    }

    /// What a lookup must find.
    pub fn expected(&self, local: &[LocalBlockHash]) -> FxHashMap<u64, u32> {
        let names = compute_seq_hash_for_block(local);
        let all = self.caches.iter().enumerate();
        all.map(|(worker, cache)| (worker as u64, cache.leading(&names) as u32))
            .filter(|(_, blocks)| *blocks > 0)
            .collect()
    }

    pub fn pairs(&self) -> u64 {
        self.caches.iter().map(|cache| cache.used_at.len() as u64).sum()
    }
}

/// Some blocks of a chain, stored below the one before them.
pub fn stored_data(
    local: &[LocalBlockHash],
    names: &[u64],
    which: std::ops::Range<usize>,
) -> KvCacheEventData {
    let parent_hash = which.start.checked_sub(1).map(|at| ExternalSequenceBlockHash(names[at]));
    let blocks = which
        .map(|at| KvCacheStoredBlockData {
            block_hash: ExternalSequenceBlockHash(names[at]),
            tokens_hash: local[at],
            mm_extra_info: None,
        })
        .collect();
    KvCacheEventData::Stored(KvCacheStoreData { parent_hash, start_position: None, blocks })
}
