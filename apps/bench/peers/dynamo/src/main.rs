//! Plays the roles of dynamo-bench with the published crates of NVIDIA Dynamo.
//! The commands and events are those of apps/bench/README.md.

mod console;
mod index;
mod index_role;
mod ingest;
mod place;
mod round_trip;
mod stream;
mod workload;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dynamo_runtime::{Runtime, Worker};

use console::Console;

#[derive(Parser)]
#[command(about = "Dynamo's side of dynamo-bench")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// One process of a measure.
    Role {
        #[command(subcommand)]
        role: Role,
    },
}

#[derive(Subcommand)]
enum Role {
    Pub(stream::PubFlags),
    Sub(stream::SubFlags),
    Echo(round_trip::EchoFlags),
    Ping(round_trip::PingFlags),
    KvPub(ingest::KvPubFlags),
    KvIndex(ingest::KvIndexFlags),
    Index(index_role::IndexFlags),
}

async fn play(runtime: Runtime, role: Role, console: Console) -> Result<()> {
    match role {
        Role::Pub(flags) => stream::publish(runtime, flags, console).await,
        Role::Sub(flags) => stream::subscribe(runtime, flags, console).await,
        Role::Echo(flags) => round_trip::echo(runtime, flags, console).await,
        Role::Ping(flags) => round_trip::ping(runtime, flags, console).await,
        Role::KvPub(flags) => ingest::publish(runtime, flags, console).await,
        Role::KvIndex(flags) => ingest::index(runtime, flags, console).await,
        Role::Index(flags) => {
            let handle = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || index_role::run(handle, flags)).await?
        }
    }
}

fn main() -> Result<()> {
    let Cli { what: What::Role { role } } = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("DYN_LOG");
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .init();
    console::end_with_parent();
    // Before there are threads, which inherit it.
    console::sleep_exactly();
    let worker = Worker::from_settings()?;
    worker.execute(move |runtime| async move {
        let done = play(runtime, role, Console::open()).await;
        if let Err(reason) = &done {
            console::say("failed", serde_json::json!({"reason": format!("{reason:#}")}));
        }
        done
    })
}
