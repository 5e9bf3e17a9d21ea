#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/nats_dialer.hpp"
#include "dynamo/transport/nats_flush.hpp"
#include "dynamo/transport/nats_handles.hpp"
#include "dynamo/transport/nats_link.hpp"
#include "dynamo/transport/nats_polled_subscription.hpp"
#include "dynamo/transport/nats_settings.hpp"
#include "dynamo/transport/nats_signals.hpp"
#include "dynamo/transport/nats_socket.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace dynamo {

/// What a server made of one batch.
struct nats_receipt {
  link_outcome outcome;
  std::weak_ptr<outcome_taker> taker;
  /// Of the envelopes that were sent.
  std::uint64_t bytes = 0;
  std::uint64_t too_large = 0;
  std::uint64_t forbidden = 0;
};

/// One connection to one server, from its handshake to its end. Belongs to the
/// link's thread, which polls its socket and gives it turns; others may place
/// and write, too. Nothing here waits for the server but close().
class nats_line {
 public:
  using time_point = clock::time_point;

  /// For the outcome of what is not urgent is asked after this time.
  static constexpr std::chrono::milliseconds answer_delay{1};

  /// Takes over what was dialed. `options` must outlive it.
  nats_line(const nats_options& options, nats_server server,
            nats_dialed dialed);

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

  /// Ends the connection and returns why it was closed.
  std::string close();

  // -- Turns

  /// What is to be polled, for reading always; negative once it is closed.
  int descriptor() const { return socket_->descriptor(); }
  bool has_to_write() const { return socket_->has_to_write(); }

  /// Writes what waits, and reads what has come.
  void turn(bool is_readable);

  /// Asks for the outcome of batches that were not urgent, and an idle server
  /// for a sign of life. An error when it has been asked for too long, or the
  /// text is empty: for why the connection closed.
  status keep_alive(time_point now);
  /// When keep_alive() has something to do; while messages are being placed,
  /// soon.
  time_point due(time_point now) const;

  // -- Settling

  /// Prepares the proof that somebody is subscribed, and asks the server for
  /// its answer to all subscriptions made so far.
  status begin_settling(time_point now);
  /// Whether it has given that. An error as of keep_alive().
  result<bool> is_settled();
  /// Whether the server lets us have that proof.
  bool is_proving() const { return is_proving_; }

  // -- Publishing

  /// Puts messages on their way, for the next write. True: the link's thread
  /// may be asleep beyond the time at which it has to ask for their outcome. An
  /// error as of keep_alive(). Any thread.
  result<bool> place(const link_batch& batch, time_point now);

  /// Writes what was placed, as far as there is room; turn() does the rest. Any
  /// thread, where the connection is not encrypted: TLS may wait.
  void write() { socket_->write(*connection_); }

  bool has_unanswered() const;
  /// What the server has answered since the last call, in the order in which
  /// it was placed.
  std::vector<nats_receipt> take_answered();

 private:
  /// What stands in the inbox.
  enum class sign { unheard, mark };

  /// Something that the server has to answer.
  struct question {
    time_point asked_at;
    /// Null: a sign of life.
    std::shared_ptr<const std::vector<wire_message>> messages;
    nats_receipt receipt;
  };

  natsStatus open_inbox();
  time_point silent_at() const DYNAMO_REQUIRES(asking_);
  bool is_in_use(time_point now) const DYNAMO_REQUIRES(asking_);
  natsStatus send(const wire_message& message, const char* reply);
  void add(question what) DYNAMO_REQUIRES(asking_);
  status ask() DYNAMO_REQUIRES(asking_);
  void begin_flush() DYNAMO_REQUIRES(asking_);
  void read_answers(std::vector<nats_receipt>& answered)
      DYNAMO_REQUIRES(asking_);
  void read_flush(std::vector<nats_receipt>& answered) DYNAMO_REQUIRES(asking_);
  void answer_marked(std::vector<nats_receipt>& answered)
      DYNAMO_REQUIRES(asking_);
  void answer(std::vector<nats_receipt>& answered) DYNAMO_REQUIRES(asking_);
  void note_forbidden() DYNAMO_REQUIRES(asking_);
  void strike_forbidden(question& of) const DYNAMO_REQUIRES(asking_);

  const nats_options& options_;
  const nats_server server_;
  const std::shared_ptr<nats_signals> signals_;
  const std::shared_ptr<nats_socket> socket_;
  nats_connection_handle connection_;
  nats_polled_subscription inbox_;
  /// Where the server answers when nobody is subscribed.
  std::string reply_;
  /// Where we answer ourselves behind batches.
  std::string mark_;
  bool is_proving_ = false;
  bool is_over_ = false;

  /// Held while a batch and its mark are placed, so that no other gets between.
  mutable mutex asking_;
  std::deque<question> unanswered_ DYNAMO_GUARDED_BY(asking_);
  /// Taken from the inbox; kept for its memory.
  std::vector<sign> signs_;
  /// How many of them each mark that is on its way answers, and how many have
  /// none yet.
  std::deque<std::size_t> marked_ DYNAMO_GUARDED_BY(asking_);
  std::size_t unmarked_ DYNAMO_GUARDED_BY(asking_) = 0;
  /// Nobody was subscribed to one of those that the next mark answers.
  bool is_unheard_ DYNAMO_GUARDED_BY(asking_) = false;
  time_point placed_at_ DYNAMO_GUARDED_BY(asking_);
  /// Stands in for marks where they are forbidden.
  nats_flush flush_;
  /// How many questions the present flush answers.
  std::size_t flushed_ DYNAMO_GUARDED_BY(asking_) = 0;
  /// Subjects on which this server let us not publish.
  std::set<std::string, std::less<>> forbidden_ DYNAMO_GUARDED_BY(asking_);
};

} // namespace dynamo
