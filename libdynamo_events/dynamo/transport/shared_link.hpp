#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/base/inbox.hpp"
#include "dynamo/events/envelope.hpp"
#include "dynamo/transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// A process's connection to what stands between publishers and subscribers: the
// servers of NATS, or brokers of ZMQ. Unlike direct ZMQ one connection serves
// all publishers and subscribers of the process, and what becomes of a message
// is known only when the other side has it.

namespace dynamo {

/// How the connection stands. In every state but `connected` and `draining`
/// the link rests until connect() is called.
enum class link_state {
  /// There was no connection yet.
  connecting,
  connected,
  /// The connection was lost, or an attempt failed after there was one.
  reconnecting,
  /// Every server that could be reached refused who we are.
  authentication_failed,
  /// It is being closed: what arrived is still delivered.
  draining,
  /// It was closed by us.
  closed,
};

/// "connecting", "connected", "reconnecting", "authentication_failed",
/// "draining", "closed".
std::string_view to_string(link_state state);

/// The connection changed, or an attempt failed.
struct link_change {
  link_state state = link_state::connecting;
  /// The server it speaks of, "nats://127.0.0.1:4222", without credentials;
  /// with a failed attempt all of them.
  std::string server;
  /// In words: why it is not connected. Holds no secret.
  std::string reason;
  /// Numbers the connections made so far: the first is 1.
  std::uint64_t epoch = 0;
  /// With `connected`: the largest envelope that the server takes.
  std::size_t envelope_bytes_max = 0;
  /// With a failed attempt: something was there, whatever it did.
  bool is_reached = false;
  /// The server asked to be left: another should be tried at once.
  bool lame_duck = false;
};

/// What the server made of a batch: it has all that was sent. A batch whose
/// connection broke before the server answered has no outcome and is the
/// caller's to send again; readers drop what they have already.
struct link_outcome {
  std::uint64_t publisher_id = 0;
  std::uint64_t number = 0;
  std::uint64_t epoch = 0;
  /// Taken by the server.
  std::uint64_t sent = 0;
  /// Beyond what the server takes and not sent, or on a subject that it
  /// forbids.
  std::uint64_t refused = 0;
  /// Nobody was subscribed when its first message came to the server.
  bool unheard = false;
};

/// Hears first what became of its batches.
class outcome_taker {
 public:
  virtual ~outcome_taker() = default;

  /// On the link's thread, which it must not hold up; it may publish. True:
  /// nobody else has to hear of it.
  virtual bool take(const link_outcome& outcome) = 0;
};

/// Messages of one publisher in their order.
struct link_batch {
  std::uint64_t publisher_id = 0;
  /// Counts up per publisher.
  std::uint64_t number = 0;
  /// The connection it is meant for; with another it is dropped.
  std::uint64_t epoch = 0;
  std::shared_ptr<const std::vector<wire_message>> messages;
  /// Whether the outcome is wanted at once. Otherwise it may be asked for with
  /// that of later batches, about a millisecond later.
  bool is_urgent = true;
  /// Is asked before its outcome is reported, by links that can; may be nobody.
  std::weak_ptr<outcome_taker> taker;
};

using link_report = std::variant<link_change, link_outcome>;
using link_inbox = inbox<link_report>;

/// Totals of one link.
struct link_counts {
  /// Connections that were made.
  std::uint64_t connects = 0;
  /// Connections that were lost.
  std::uint64_t losses = 0;
  /// Attempts that failed.
  std::uint64_t failures = 0;
  /// Messages that a server has confirmed, and their envelopes' bytes.
  std::uint64_t confirmed = 0;
  std::uint64_t bytes = 0;
  /// Messages that were too large for the server.
  std::uint64_t too_large = 0;
  /// Messages on subjects that the server forbids.
  std::uint64_t forbidden = 0;
  /// With several paths, of the messages that came (see path_merge_counts):
  /// copies that were dropped, ...
  std::uint64_t duplicates = 0;
  /// ... messages that came when they had been given up, ...
  std::uint64_t late = 0;
  /// ... that were missing on one path and came by another, ...
  std::uint64_t recovered = 0;
  /// ... and that no path brought.
  std::uint64_t missing = 0;
};

/// One of several ways that a link has, each to a broker. All of them carry
/// all messages.
struct path_status {
  /// "tcp://10.0.0.5:5555", as configured.
  std::string endpoint;
  /// Whether it is for what is published; otherwise for what is subscribed.
  bool is_outgoing = false;
  bool is_up = false;
  /// Why it is not up; may be empty.
  std::string reason;
  std::uint64_t connects = 0;
  std::uint64_t losses = 0;
  /// Handed to the broker, or come from it; copies included.
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  /// Whether it had no room for the last message.
  bool is_full = false;
  /// Messages that it had no room for while another broker had.
  std::uint64_t refused = 0;
};

/// One process's connection. It makes no attempt before connect(): whoever owns
/// the schedule calls that, and hears in the inbox what became of it. A link to
/// brokers also comes back by itself. Subscriptions stay across connections.
///
/// Thread-safe; no member waits for the network but close() and the
/// destructor.
class shared_link {
 public:
  virtual ~shared_link() = default;

  /// Where changes and outcomes are reported; `wake` is called from threads of
  /// the link when the inbox stops being empty, and must not block. Set once,
  /// before anything else.
  virtual void report_to(std::shared_ptr<link_inbox> reports,
                         std::function<void()> wake) = 0;

  /// Begins one attempt: every server is tried in turn until one accepts. Its
  /// end is one link_change. No effect while an attempt is being made or the
  /// link is connected. When `connected` is reported, the server knows all
  /// subscriptions.
  virtual void connect() = 0;

  /// Takes messages on their way. Without a connection, and with an epoch that
  /// is not the present one, they are dropped without an outcome.
  virtual void publish(link_batch batch) = 0;

  /// Delivers what is published on a subject from now on, or from the next
  /// connection on. errc::exists for an id that is taken.
  virtual status subscribe(subscription wanted) = 0;

  /// After it returned, `wake` of the subscription is not called again.
  virtual void unsubscribe(subscription_id id) = 0;

  virtual receiver_counts received() const = 0;
  virtual link_counts counts() const = 0;

  /// The ways to the brokers; empty when there is one connection alone.
  virtual std::vector<path_status> paths() const { return {}; }

  /// Ends the connection after what has arrived was delivered, but waits no
  /// longer than its options say. Later calls do nothing.
  virtual void close() = 0;
};

} // namespace dynamo
