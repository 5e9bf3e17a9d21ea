//! `echo` and `ping`: there and back, one message under way.

use std::time::Duration;

use anyhow::{bail, ensure, Result};
use clap::Args;
use dynamo_runtime::transports::event_plane::{EventPublisher, EventSubscriber};
use dynamo_runtime::Runtime;
use serde_json::json;

use crate::console::{self, cpu_seconds, monotonic_ns, say, sleep_until_ns, Console};
use crate::place::{self, PlaceFlags};
use crate::stream::{new_payload, read_stamp, stamp};

const REPLY_TIME: Duration = Duration::from_secs(5);
const WARM_REPLY_TIME: Duration = Duration::from_millis(50);
const WARM_ROUND_TRIPS: u64 = 500;
/// Half a minute without a reply.
const WARM_MISSES_MAX: u64 = 600;

#[derive(Args, Clone, Debug)]
pub struct EchoFlags {
    #[command(flatten)]
    pub at: PlaceFlags,
    #[arg(long, default_value_t = 200)]
    pub size: usize,
    #[arg(long)]
    pub source: Option<String>,
}

fn reply_topic(at: &PlaceFlags) -> String {
    format!("{}-reply", at.topic)
}

pub async fn echo(runtime: Runtime, flags: EchoFlags, mut console: Console) -> Result<()> {
    let drt = place::connect(runtime).await?;
    let back = place::publisher(&drt, &reply_topic(&flags.at)).await?;
    let mut from = place::subscriber(&drt, &flags.at.topic).await?;
    tokio::spawn(async move {
        while let Some(item) = from.next().await {
            if let Ok(e) = item {
                // A reply that is lost is missed by whoever waits for it.
                let _ = back.publish_bytes_ref(&e.payload).await;
            }
        }
    });
    let cpu_before = cpu_seconds();
    say("ready", json!({}));
    loop {
        match console.next().await.as_str() {
            "final" => console::say_final(cpu_before),
            "end" => return Ok(()),
            _ => {}
        }
    }
}

#[derive(Args, Clone, Debug)]
pub struct PingFlags {
    #[command(flatten)]
    pub at: PlaceFlags,
    #[arg(long, default_value_t = 10_000)]
    pub count: u64,
    #[arg(long, default_value_t = 200)]
    pub size: usize,
    #[arg(long, default_value_t = 0.0)]
    pub rate: f64,
}

struct Pinger {
    out: EventPublisher,
    replies: EventSubscriber,
    payload: Vec<u8>,
    next: u64,
}

impl Pinger {
    /// The time of one round trip; nothing when the reply did not come.
    async fn round_trip(&mut self, time: Duration) -> Result<Option<u64>> {
        let index = self.next;
        self.next += 1;
        let sent = monotonic_ns();
        stamp(&mut self.payload, index, sent);
        self.out.publish_bytes_ref(&self.payload).await?;
        loop {
            match tokio::time::timeout(time, self.replies.next()).await {
                Ok(Some(Ok(e))) if read_stamp(&e.payload).map(|s| s.0) == Some(index) => {
                    return Ok(Some(monotonic_ns() - sent));
                }
                Ok(Some(_)) => {}
                Ok(None) => bail!("the replies ended"),
                Err(_) => return Ok(None),
            }
        }
    }

    async fn measure(&mut self, flags: &PingFlags) -> Result<()> {
        let mut times = Vec::with_capacity(flags.count as usize);
        let cpu_before = cpu_seconds();
        let began = monotonic_ns();
        for i in 0..flags.count {
            if flags.rate > 0.0 {
                sleep_until_ns(began + (i as f64 / flags.rate * 1e9) as u64);
            }
            times.extend(self.round_trip(REPLY_TIME).await?);
        }
        say(
            "result",
            json!({
                "received": times.len(), "lost": flags.count - times.len() as u64,
                "cpu_s": cpu_seconds() - cpu_before,
                "elapsed_s": (monotonic_ns() - began) as f64 * 1e-9,
                "rtt_ns": console::percentiles(&mut times),
            }),
        );
        Ok(())
    }
}

pub async fn ping(runtime: Runtime, flags: PingFlags, mut console: Console) -> Result<()> {
    let drt = place::connect(runtime).await?;
    let mut pinger = Pinger {
        out: place::publisher(&drt, &flags.at.topic).await?,
        replies: place::subscriber(&drt, &reply_topic(&flags.at)).await?,
        payload: new_payload(flags.size),
        next: 0,
    };
    let cpu_before = cpu_seconds();
    say("ready", json!({}));
    loop {
        match console.next().await.as_str() {
            "warm" => {
                let (mut done, mut missed) = (0, 0);
                while done < WARM_ROUND_TRIPS {
                    match pinger.round_trip(WARM_REPLY_TIME).await? {
                        Some(_) => done += 1,
                        None => missed += 1,
                    }
                    ensure!(missed <= WARM_MISSES_MAX, "ping: only {done} replies came");
                }
                say("warm", json!({}));
            }
            "go" => pinger.measure(&flags).await?,
            "final" => console::say_final(cpu_before),
            "end" => return Ok(()),
            _ => {}
        }
    }
}
