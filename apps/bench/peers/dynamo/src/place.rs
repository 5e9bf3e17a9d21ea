//! Where every stream of the benchmark belongs, and how its ends are opened.

use anyhow::{ensure, Result};
use clap::{Args, ValueEnum};
use dynamo_runtime::discovery::{
    DiscoveryEvent, DiscoveryInstance, DiscoveryQuery, EventChannelQuery, EventTransport,
};
use dynamo_runtime::transports::event_plane::{EventPublisher, EventSubscriber, ValidatedZmqSource};
use dynamo_runtime::{DistributedRuntime, Runtime};
use futures::StreamExt;

const PLACE: &str = "bench";

#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Source {
    /// `EventSubscriber`.
    Generic,
    /// `ValidatedZmqSource`, one for each publisher, as Dynamo's router reads.
    Validated,
}

#[derive(Args, Clone, Debug)]
pub struct PlaceFlags {
    #[arg(long, default_value = "bench")]
    pub topic: String,
    #[arg(long, default_value_t = 1)]
    pub publishers: usize,
    /// The environment says it already.
    #[arg(long)]
    pub transport: Option<String>,
    /// Only subscribers without discovery need it.
    #[arg(long)]
    pub endpoint: Vec<String>,
}

pub async fn connect(runtime: Runtime) -> Result<DistributedRuntime> {
    DistributedRuntime::from_settings(runtime).await
}

pub async fn publisher(drt: &DistributedRuntime, topic: &str) -> Result<EventPublisher> {
    EventPublisher::for_component(&drt.namespace(PLACE)?.component(PLACE)?, topic).await
}

pub async fn publishers(drt: &DistributedRuntime, at: &PlaceFlags) -> Result<Vec<EventPublisher>> {
    let mut all = Vec::new();
    for _ in 0..at.publishers {
        all.push(publisher(drt, &at.topic).await?);
    }
    Ok(all)
}

pub async fn subscriber(drt: &DistributedRuntime, topic: &str) -> Result<EventSubscriber> {
    EventSubscriber::for_component(&drt.namespace(PLACE)?.component(PLACE)?, topic).await
}

/// One source for each of the publishers, as discovery names them.
pub async fn sources(drt: &DistributedRuntime, at: &PlaceFlags) -> Result<Vec<ValidatedZmqSource>> {
    ensure!(
        std::env::var("DYN_EVENT_PLANE").as_deref() == Ok("zmq"),
        "--source validated needs ZMQ; over NATS there is generic"
    );
    let query = DiscoveryQuery::EventChannels(EventChannelQuery::topic(PLACE, PLACE, &at.topic));
    let mut changes = drt.discovery().list_and_watch(query, None).await?;
    let mut all = Vec::new();
    while all.len() < at.publishers {
        let Some(change) = changes.next().await else { break };
        let DiscoveryEvent::Added(found) = change? else { continue };
        let id = found.instance_id();
        if let DiscoveryInstance::EventChannel { topic, transport, .. } = &found {
            if let EventTransport::Zmq { endpoint } = transport {
                all.push(ValidatedZmqSource::connect_default(endpoint, topic, id).await?);
            }
        }
    }
    Ok(all)
}
