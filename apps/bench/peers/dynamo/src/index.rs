//! Dynamo's indexes behind one face.

use std::sync::Arc;

use anyhow::Result;
use clap::ValueEnum;
use dynamo_kv_router::indexer::{
    KvIndexerInterface, KvIndexerMetrics, SyncIndexer, ThreadPoolIndexer,
};
use dynamo_kv_router::protocols::{LocalBlockHash, OverlapScores, RouterEvent};
use dynamo_kv_router::{ConcurrentRadixTreeCompressed, RadixTree};

const BLOCK_SIZE: u32 = 512;

#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Which {
    /// `RadixTree` in the caller's thread.
    Radix,
    /// `ThreadPoolIndexer<ConcurrentRadixTreeCompressed>`, the router's default.
    Concurrent,
}

/// The tree counts references without atomics. None of them leaves it, and one
/// thread at a time uses it here, so it may move from thread to thread.
pub struct Alone(RadixTree);
unsafe impl Send for Alone {}
unsafe impl Sync for Alone {}

pub enum Index {
    Radix(Box<Alone>),
    Concurrent(ThreadPoolIndexer<ConcurrentRadixTreeCompressed>),
}

impl Index {
    /// Within a Tokio runtime.
    pub fn new(which: Which, threads: usize) -> Self {
        match which {
            Which::Radix => Index::Radix(Box::new(Alone(RadixTree::new()))),
            Which::Concurrent => Index::Concurrent(ThreadPoolIndexer::new_with_metrics(
                ConcurrentRadixTreeCompressed::new(),
                threads,
                BLOCK_SIZE,
                Some(Arc::new(KvIndexerMetrics::new_unregistered())),
            )),
        }
    }

    /// Applies an event, or hands it to the index's threads.
    pub fn apply(&mut self, event: RouterEvent) {
        match self {
            Index::Radix(tree) => {
                // What it refuses shows in the answers, which are checked.
                let _ = tree.0.apply_event(event);
            }
            Index::Concurrent(pool) => pool.enqueue_event(event).expect("the index runs"),
        }
    }

    /// Until everything that was handed over is applied.
    pub async fn drain(&self) -> Result<()> {
        if let Index::Concurrent(pool) = self {
            pool.flush_and_wait().await?;
        }
        Ok(())
    }

    /// What the router does every five minutes.
    pub fn sweep(&self) {
        if let Index::Concurrent(pool) = self {
            pool.backend().run_cleanup_task();
        }
    }

    /// The tree consumes the hashes: `owned` is a copy, made off the clock.
    pub fn find(&self, local: &[LocalBlockHash], owned: Vec<LocalBlockHash>) -> OverlapScores {
        match self {
            Index::Radix(tree) => tree.0.find_matches(owned, false),
            Index::Concurrent(pool) => pool.backend().find_matches(local, false),
        }
    }

    pub fn copy_for(&self, local: &[LocalBlockHash]) -> Vec<LocalBlockHash> {
        match self {
            Index::Radix(_) => local.to_vec(),
            Index::Concurrent(_) => Vec::new(),
        }
    }

    pub fn shutdown(self) {
        if let Index::Concurrent(pool) = self {
            pool.shutdown();
        }
    }
}
