#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/events/scope.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// The two ends of a stream, as the roles of the benchmark use them. Each kind
// of software that is compared has its own outlets and inlets.

namespace dynamo::apps {

/// Whose code stands between the role and the socket.
enum class end_kind {
  /// libzmq or cnats alone.
  raw,
  /// This project.
  plane,
};

/// Where the role's calls come from, and its events go to, with
/// end_kind::plane.
enum class end_caller {
  /// A plain thread publishes; functions take events.
  thread,
  /// An actor does both.
  actor,
};

struct end_request {
  end_kind kind = end_kind::plane;
  transport_kind transport = transport_kind::zmq;
  end_caller caller = end_caller::thread;
  std::string topic = "bench";
  /// Messages that the plane sends at a time; 0: its default.
  std::size_t batch_max = 0;
  /// Publishers of this process.
  std::size_t publishers = 1;
  /// Bytes of a payload; the same in all messages.
  std::size_t payload_bytes = 200;
  /// Where raw subscribers of ZMQ connect.
  std::vector<std::string> endpoints;
  /// As a router wants it: each publisher is known to speak for the worker of
  /// its number, from 1, and all belong to the endpoint of bench_endpoint().
  bool is_of_workers = false;
  /// Round trips: a NATS connection then flushes with every message.
  bool is_for_latency = false;
};

/// Every stream of the benchmark belongs to this component.
scope bench_scope();
/// Below it, for those that a router follows.
scope bench_endpoint();

/// The publishers of a process. One thread for each publisher at a time.
class outlets {
 public:
  virtual ~outlets() = default;

  /// Publishes a payload; waits while the publisher is full. False: it is lost.
  virtual bool send(std::size_t publisher, byte_view payload) = 0;

  /// Waits until nothing of it is left in buffers of this process, or 10 s.
  virtual void flush() = 0;

  /// Where subscribers can connect; empty where there is nothing of the kind.
  virtual std::vector<std::string> endpoints() const { return {}; }

  /// Runs `step` until it returns false, where the request's caller publishes.
  virtual void run(const std::function<bool()>& step);
};

/// A message as a subscriber sees it; the payload is valid during the call.
struct arrival_view {
  std::uint64_t publisher_id = 0;
  std::uint64_t sequence = 0;
  byte_view payload;
};

/// Called from one thread at a time.
using arrival_sink = std::function<void(const arrival_view&)>;

/// A subscription; ends when it is destroyed.
class inlet {
 public:
  virtual ~inlet() = default;
};

result<std::unique_ptr<outlets>> open_outlets(const end_request& wanted);
result<std::unique_ptr<inlet>> open_inlet(const end_request& wanted,
                                          arrival_sink sink);

} // namespace dynamo::apps
