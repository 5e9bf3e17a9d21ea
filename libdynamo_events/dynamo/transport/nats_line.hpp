#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/transport/nats_dialer.hpp"
#include "dynamo/transport/nats_handles.hpp"
#include "dynamo/transport/nats_link.hpp"
#include "dynamo/transport/nats_settings.hpp"
#include "dynamo/transport/nats_signals.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace dynamo {

/// What a server made of one batch.
struct nats_receipt {
  link_outcome outcome;
  /// Of the envelopes that were sent.
  std::uint64_t bytes = 0;
  std::uint64_t too_large = 0;
  std::uint64_t forbidden = 0;
};

/// One connection to one server, from its handshake to its end. Belongs to the
/// link's thread.
class nats_line {
 public:
  /// Takes over what was dialed. `options` and `stopping` must outlive it.
  nats_line(const nats_options& options, nats_server server, nats_dialed dialed,
            const std::atomic<bool>& stopping);

  /// Closes.
  ~nats_line();
  nats_line(const nats_line&) = delete;
  nats_line& operator=(const nats_line&) = delete;

  natsConnection& connection() { return *connection_; }
  const nats_server& server() const { return server_; }

  /// The connection is over; close() tells why.
  bool is_closed() const { return signals_->is_closed(*connection_); }

  /// The server asked to be left.
  bool is_lame_duck() const { return signals_->is_lame_duck(*connection_); }

  /// What the server did not permit so far; may be empty.
  std::string refusals() const { return signals_->refusals(*connection_); }

  std::size_t envelope_bytes_max() const;

  /// The servers that the cluster names.
  std::vector<std::string> discovered() const;

  /// Prepares the proof that somebody is subscribed, and waits until the
  /// server knows of all subscriptions made so far.
  status settle();

  /// Whether settle() found that the server lets us have that proof.
  bool is_proving() const { return is_proving_; }

  /// Sends batches and waits until the server has them. With an error nothing
  /// is known of any of them, and the line is of no more use; the text is
  /// empty when the reason is the one for which the connection closed.
  result<std::vector<nats_receipt>>
  publish(std::span<const link_batch> batches);

  /// Ends the connection and returns why it was closed.
  std::string close();

 private:
  natsStatus open_inbox();
  status place(const link_batch& batch, nats_receipt& receipt);
  natsStatus send(const wire_message& message, const char* reply);
  status confirm();
  status prove(std::span<nats_receipt> receipts);
  void note_forbidden();
  void strike_forbidden(const link_batch& batch, nats_receipt& receipt) const;

  const nats_options& options_;
  const nats_server server_;
  const std::shared_ptr<nats_signals> signals_;
  const std::atomic<bool>& stopping_;
  const system_clock clock_;
  nats_connection_handle connection_;
  nats_subscription_handle inbox_;
  /// Where the server answers when nobody is subscribed.
  std::string reply_;
  /// Where we answer ourselves after the first message of each batch.
  std::string mark_;
  bool is_proving_ = false;
  /// Subjects on which this server let us not publish.
  std::set<std::string, std::less<>> forbidden_;
};

} // namespace dynamo
