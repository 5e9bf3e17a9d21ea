#pragma once

#include "dynamo/base/backoff.hpp"
#include "dynamo/base/inbox.hpp"
#include "dynamo/config/discovery_options.hpp"
#include "dynamo/config/router_options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

// Every setting: its default, its unit and the reason for both. The same keys,
// documented for users, stand in configs/reference.jsonc; a test compares the
// two. May be included from every layer but base, events and wire.

namespace dynamo {

/// What carries the events. Dynamo up to 1.0 and its user documentation name
/// nats as the default, and so do we.
enum class transport_kind { nats, zmq };

/// Which generation of payloads, subjects and records is written. Both are
/// read.
enum class wire_generation {
  /// Dynamo 1.4 and later.
  v1_4,
  /// Dynamo up to 1.3: one kv event a message, no endpoint scopes.
  v1_3,
};

/// Whether publishers and subscribers meet at brokers of ZMQ, and how.
struct broker_client_options {
  /// Where they are, as parse_broker_url reads it (DYN_ZMQ_BROKER_URL); empty:
  /// see `enabled`.
  std::string url;
  /// Without a url: those that discovery knows (DYN_ZMQ_BROKER_ENABLED).
  bool enabled = false;
  /// The namespace in which they are registered; empty: the deployment's.
  std::string ns;
  /// A message waits so long for those before it, while another broker may
  /// still bring them. Far above what brokers differ by, below what a router
  /// takes for a dead stream.
  std::chrono::milliseconds gap_wait{1000};
  /// As nats_options::hold and repeat_window, when all brokers were lost.
  std::chrono::milliseconds hold{1000};
  std::chrono::milliseconds repeat_window{100};
  /// As nats_options::offer_interval; a broker tells at once who subscribes.
  std::chrono::milliseconds offer_interval{20};

  bool is_used() const { return enabled || !url.empty(); }
};

/// Direct ZMQ; spec of the values: Dynamo 1.6 unless a reason stands beside.
struct zmq_options {
  /// Advertised IP literal or interface name; empty: found by itself
  /// (DYN_EVENT_PLANE_HOST).
  std::string host;
  /// Address that PUB sockets bind: the wildcard as Dynamo's, or one address.
  std::string bind = "*";
  /// First and last port to bind; 0 and 0: the system chooses. Dynamo has no
  /// such setting; firewalls need it.
  std::uint16_t port_first = 0;
  std::uint16_t port_last = 0;
  /// I/O threads of the process-wide context (DYN_ZMQ_IO_THREADS). Dynamo has
  /// 4; one thread moves a million small messages a second.
  int io_threads = 1;
  /// Sockets that the context may open. A publisher that is followed costs
  /// three: its SUB socket and the pair that watches its connection. So this,
  /// the most that libzmq takes, is enough for 21,000 of them; its own default
  /// of 1,023 for 340. Their slots take less than 1 MB.
  int sockets_max = 65'535;
  /// Messages a PUB socket keeps per slow subscriber before it drops.
  int send_hwm = 100'000;
  /// Messages a SUB socket keeps per publisher.
  int receive_hwm = 100'000;
  /// Endpoints that share a SUB socket (DYN_ROUTER_ZMQ_ENDPOINTS_PER_SUB).
  /// With 1 a publisher cannot speak in another's name.
  std::size_t endpoints_per_socket = 1;
  /// A larger message closes its connection: nothing of ours comes near.
  std::size_t message_bytes_max = 64 * 1024 * 1024;
  /// Unsent messages are kept this long when a socket closes.
  std::chrono::milliseconds linger{1000};
  /// A connection that is not ready by then counts as failed.
  std::chrono::milliseconds connect_timeout{5000};
  broker_client_options broker;
};

/// A broker of ZMQ: the program dynamo-broker. Sockets' limits are those of
/// zmq_options.
struct broker_options {
  /// Where publishers connect (ZMQ_BROKER_XSUB_BIND), and subscribers
  /// (ZMQ_BROKER_XPUB_BIND); Dynamo's ports.
  std::string xsub_bind = "tcp://0.0.0.0:5555";
  std::string xpub_bind = "tcp://0.0.0.0:5556";
  /// The namespace whose processes find it (ZMQ_BROKER_NAMESPACE); empty: the
  /// deployment's, which is Dynamo's default too.
  std::string ns;
  /// Whether it is registered in discovery.
  bool registered = true;
  /// Kept for each subscriber; as Dynamo's HWM, and the bytes as a
  /// subscriber's own inbox.
  std::size_t queue_items_max = 100'000;
  std::size_t queue_bytes_max = 256 * 1024 * 1024;
  /// A subscriber whose queue is full is waited for so long: a pause of the
  /// system, and far below the time after which anybody counts as dead.
  std::chrono::milliseconds wait_max{100};
  /// Connections at a time; more are closed.
  std::size_t subscribers_max = 4096;
  /// Prefixes of each; one that wants more is disconnected.
  std::size_t subscriptions_max = 1024;
  /// Who has connected must say by then what it is.
  std::chrono::milliseconds handshake_timeout{5000};
};

/// TLS towards a NATS server; paths of PEM files.
struct nats_tls_options {
  /// Authorities that servers' certificates are checked against; empty: those
  /// of the system (NATS_TLS_CA_CERT_PATH).
  std::string ca;
  /// The client's certificate chain and key, both or none
  /// (NATS_TLS_CLIENT_CERT_PATH, NATS_TLS_CLIENT_KEY_PATH).
  std::string certificate;
  std::string key;
  /// Servers' certificates are not checked (NATS_TLS_INSECURE).
  bool insecure = false;
};

/// NATS: one connection per process.
struct nats_options {
  /// "host:port", "nats://host:port" or "tls://host:port", more than one with
  /// commas between them (NATS_SERVER).
  std::string servers = "localhost:4222";
  /// Servers are tried in random order, so that clients spread.
  bool randomize = true;
  /// Servers that a cluster names are tried too.
  bool discover_servers = true;
  /// Who we are; the first that is complete counts, in this order: user name
  /// and password, token, nkey seed, credentials file, and last "user",
  /// "user" as Dynamo sends it (NATS_AUTH_USERNAME and the like).
  std::string username;
  std::string password;
  std::string token;
  std::string nkey_seed;
  std::string credentials_file;
  nats_tls_options tls;
  /// For each server of an attempt.
  std::chrono::milliseconds connect_timeout{2000};
  /// A server that answers nothing for so long is left. Longer than the 5 s
  /// that a busy machine may stand still.
  std::chrono::milliseconds stale_after{10'000};
  /// After an outage publishers send nothing for so long: the time that
  /// subscribers have to come back, which try at least as often as
  /// subscriber_delay_max says. With 500 ms a busy machine with 18 subscribers
  /// lost one batch in 50 restarts.
  std::chrono::milliseconds hold{1000};
  /// What a server had confirmed for so short a time when its connection was
  /// lost is sent again: a server that ends may confirm what it does not
  /// deliver any more.
  std::chrono::milliseconds repeat_window{100};
  /// The longest delay between attempts of a process that subscribes.
  std::chrono::milliseconds subscriber_delay_max{200};
  /// Delay before the next attempt after servers refused who we are: at least
  /// this, so that a wrong password is no flood.
  std::chrono::milliseconds authentication_delay{5000};
  /// While nobody is subscribed, a publisher that holds its events offers the
  /// oldest again this often.
  std::chrono::milliseconds offer_interval{100};
  /// How long messages that arrived are still delivered when the process
  /// ends.
  std::chrono::milliseconds drain_timeout{1000};
};

/// One publisher's buffer in front of the transport.
struct publisher_options {
  /// 10 s of a busy engine's events.
  inbox_limits buffer{100'000, 64 * 1024 * 1024, overflow_policy::drop_oldest};
  /// Messages that go to the transport at a time. A server confirms each batch,
  /// so that few large ones cost less.
  std::size_t batch_max = 1024;
  /// Hold events in the buffer while nobody is subscribed, so that the first
  /// subscriber finds what came before it; false sends them to nobody.
  bool hold_without_subscriber = true;
  /// What its payloads, subjects and channel records look like.
  wire_generation generation = wire_generation::v1_4;
};

/// What a message becomes in which one event cannot be used.
enum class bad_event_policy {
  /// That event is skipped and counted.
  skip_event,
  /// The whole message is, as with Dynamo.
  drop_message,
};

/// One subscriber's queue behind the transport
/// (DYN_ZMQ_EVENT_SUBSCRIBER_CHANNEL_CAPACITY sets items_max).
struct subscriber_options {
  inbox_limits inbox{100'000, 256 * 1024 * 1024, overflow_policy::drop_newest};
  /// Messages that are handled before other actors get their turn.
  std::size_t batch_max = 256;
  /// Publishers that one subscription follows; more are refused and counted.
  std::size_t publishers_max = 16'384;
  bad_event_policy bad_events = bad_event_policy::skip_event;
};

/// Lost and failed connections are retried.
struct reconnect_options {
  backoff_limits delay;
  /// Attempts at a NATS connection that may fail one after the other before
  /// the process gives up; 0: it never does. Peers of direct ZMQ are retried
  /// for ever.
  std::uint32_t attempts_max = 0;
};

/// A part that dies is started again, unless it dies too often.
struct supervisor_options {
  std::size_t restarts_max = 10;
  std::chrono::milliseconds restart_window{60'000};
  std::chrono::milliseconds restart_delay{10};
};

/// The actor runtime.
struct runtime_options {
  /// 0: one per core, at least 2.
  std::size_t threads = 0;
  /// "sharing" idles without polling; "stealing" is faster only for traffic
  /// that is not batched.
  std::string scheduler = "sharing";
};

/// What every process of an event plane agrees on.
struct plane_options {
  transport_kind transport = transport_kind::nats;
  zmq_options zmq;
  nats_options nats;
  discovery_options discovery;
  publisher_options publisher;
  subscriber_options subscriber;
  reconnect_options reconnect;
  supervisor_options supervisor;
  runtime_options runtime;
};

/// Whether one connection serves all publishers and subscribers of the process,
/// to NATS or to brokers of ZMQ.
inline bool has_shared_link(const plane_options& options) {
  return options.transport == transport_kind::nats ||
         options.zmq.broker.is_used();
}

/// Which part of the deployment a program belongs to.
struct deployment_options {
  /// DYN_NAMESPACE.
  std::string ns = "dynamo";
  std::string component = "backend";
  std::string endpoint = "generate";
  /// Tokens per block.
  std::uint32_t block_size = 16;
  /// False: workers publish no kv-events, and routers subscribe to nothing
  /// (--no-kv-events).
  bool kv_events = true;
};

struct log_options {
  /// trace, debug, info, warn, error, off.
  std::string level = "info";
};

/// The HTTP face of a program; loopback unless configured.
struct http_options {
  std::string host = "127.0.0.1";
  /// 0: the system chooses; the program prints it.
  std::uint16_t port = 0;
  /// Requests and kept connections that are served at a time, each by a thread
  /// that is started when it is needed; others wait.
  std::size_t threads = 256;
  /// A larger request is refused with 413.
  std::size_t body_bytes_max = 16 * 1024 * 1024;
};

/// The simulated engine. The figures are those of one 8-GPU node with a 70 B
/// model, rounded.
struct worker_options {
  /// 0: the process's random discovery id.
  std::uint64_t worker_id = 0;
  /// Data-parallel ranks in this process, each with a cache of its own.
  std::uint32_t dp_ranks = 1;
  /// Blocks of each rank's cache.
  std::uint64_t cache_blocks = 16'384;
  /// Prompt tokens computed per simulated second and rank.
  double prefill_tokens_per_second = 20'000;
  /// Output tokens per simulated second and request.
  double decode_tokens_per_second = 50;
  /// Requests that run at a time per rank; others wait.
  std::size_t concurrency = 64;
  /// Requests that wait per rank; more are refused with 503.
  std::size_t queue_max = 4096;
  /// Simulated seconds per real second.
  double speedup = 1;
  /// How often load is published even when nothing changed.
  std::chrono::milliseconds load_interval{1000};
  /// Heartbeat of forward-pass metrics when idle; Dynamo's is 1 s.
  std::chrono::milliseconds heartbeat{1000};
  /// What the worker's model card calls it, for requests that want or avoid
  /// that: words with commas between them.
  std::string taints;
};

/// All of it: what one configuration file can say. A program uses the parts
/// that concern it, so that one file can serve a whole deployment.
struct options {
  plane_options plane;
  deployment_options deployment;
  log_options log;
  http_options http;
  worker_options worker;
  router_options router;
  broker_options broker;
};

} // namespace dynamo
