#pragma once

#include "actors/message_writer.hpp"
#include "actors/outgoing_window.hpp"
#include "actors/pushed_event.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/base/inbox.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/events/event.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace dynamo::actors {

/// The way out of one publisher where a server is between: its batches on the
/// link, and what makes messages for them. Serves the publisher's buffer for
/// whoever asks: the publisher, which hears what became of the batches, and the
/// thread that has just published, as long as the link takes another batch at
/// once.
///
/// Thread-safe. Messages are written and numbered under its lock. Nobody but
/// the publisher waits for that, and the link does not wait for the network.
class link_outlet final : public outcome_taker,
                          public std::enable_shared_from_this<link_outlet> {
 public:
  using totals = outgoing_window::totals;
  using refusal_sink =
      std::function<void(std::uint64_t sequence, const error& reason)>;

  /// What is known of it; nothing while it is not open.
  struct picture {
    /// Messages that have their answer.
    totals answered;
    /// Messages that have none.
    std::size_t unanswered = 0;
    /// Messages that were refused before they were sent.
    std::uint64_t not_encoded = 0;
    /// The number of the next message.
    std::uint64_t sequence = 0;
    /// Nobody was subscribed to what is there.
    bool is_holding = false;
  };

  /// Whether the link may be used, for which of its connections, and the
  /// largest envelope that this takes (nothing: no limit).
  struct way {
    bool is_open = false;
    std::uint64_t epoch = 0;
    std::optional<std::size_t> envelope_bytes_max;
  };

  /// What becomes of a batch that nobody is subscribed to.
  enum class unheard_batch {
    /// That depends on the answer to another.
    undecided,
    /// offer_again() is due later.
    held,
    /// It counts as lost; what is behind it can be sent.
    lost,
  };

  /// What one incarnation of a publisher sends with.
  struct fittings {
    std::shared_ptr<shared_link> link;
    std::uint64_t publisher_id = 0;
    message_writer writer;
    outgoing_window window;
    /// Must outlive the time until close().
    const clock* time = nullptr;
    /// Called by whoever sends.
    refusal_sink on_refused;
  };

  link_outlet(std::shared_ptr<inbox<event>> buffer, bool holds)
      : buffer_(std::move(buffer))
      , holds_(holds) {}

  // -- By the publisher

  /// From now on messages can be sent, once the way is open.
  void open(fittings with);
  /// Afterwards nothing is sent; releases the link.
  void close();

  /// The way is another than before. What has no answer from a connection that
  /// is gone will be sent again.
  void change_way(const way& now);

  /// Sends what waits, `messages_max` in a batch, as long as the link takes
  /// batches.
  void serve(std::size_t messages_max);

  /// An answer: the server has the batch.
  void on_sent(std::uint64_t number, const totals& answer);
  /// An answer: nobody is subscribed.
  unheard_batch on_unheard(std::uint64_t number);

  /// What nobody was subscribed to will be sent once more.
  void offer_again();
  /// Whoever would answer may be gone: everything without an answer will be
  /// sent once more.
  void send_again();
  /// What is unheard from now on is lost.
  void stop_holding();

  /// Whether nothing waits and everything has its answer.
  bool is_done() const;
  picture look() const;

  // -- By any thread

  /// Sends it, if that can be done at once. False: the publisher has to be
  /// told; otherwise it comes by itself, at the latest with the next answer.
  bool serve_at_once(const pushed_event& pushed);

  // -- By the link's thread

  /// An answer: sends what few events wait for it, too. False: the publisher
  /// has to hear it.
  bool take(const link_outcome& outcome) override;

 private:
  bool may_send() const DYNAMO_REQUIRES(mutex_) {
    return with_ && way_.is_open;
  }
  std::size_t add_batch(std::size_t messages_max) DYNAMO_REQUIRES(mutex_);
  void send_next() DYNAMO_REQUIRES(mutex_);
  void note_heard(std::uint64_t number) DYNAMO_REQUIRES(mutex_);

  const std::shared_ptr<inbox<event>> buffer_;
  mutable mutex mutex_;
  bool holds_ DYNAMO_GUARDED_BY(mutex_);
  bool is_closing_ DYNAMO_GUARDED_BY(mutex_) = false;
  /// Outcomes are on their way to the publisher, the last of this number; those
  /// behind them have to go the same way, for they count in their order.
  bool is_behind_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::uint64_t last_behind_ DYNAMO_GUARDED_BY(mutex_) = 0;
  /// The publisher is about to serve the buffer.
  bool is_told_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::optional<fittings> with_ DYNAMO_GUARDED_BY(mutex_);
  way way_ DYNAMO_GUARDED_BY(mutex_);
  clock::time_point closed_at_ DYNAMO_GUARDED_BY(mutex_){};
  std::uint64_t not_encoded_ DYNAMO_GUARDED_BY(mutex_) = 0;
  /// What was taken from the buffer; kept for its memory.
  std::vector<inbox_item<event>> taken_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo::actors
