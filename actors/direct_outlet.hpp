#pragma once

#include "actors/message_writer.hpp"
#include "actors/pushed_event.hpp"
#include "actors/surroundings.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/events/event.hpp"
#include "dynamo/transport/transport.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace dynamo::actors {

/// The way out of one publisher where no server is between: its socket, and
/// what makes messages for it. Serves the publisher's buffer for whoever asks:
/// the publisher, and within limits the thread that has just published, which
/// spares both a wake-up.
///
/// Thread-safe. Its lock is the right to use the socket, so messages are
/// written and sent under it. Nobody but the publisher waits for that, and
/// never for longer than `messages_at_once` take.
class direct_outlet {
 public:
  /// What is known of it.
  struct picture {
    sender_counts counts;
    std::size_t listeners = 0;
    /// Messages that were refused before they were sent.
    std::uint64_t not_encoded = 0;
    /// The number of the next message.
    std::uint64_t sequence = 0;
  };
  using refusal_sink =
      std::function<void(std::uint64_t sequence, const error& reason)>;

  /// Events that can travel in company are sent one by one as long as there are
  /// few: so many at once, and one more for each interval.
  static constexpr std::size_t credit_max = 64;
  static constexpr std::chrono::microseconds credit_interval{10};

  direct_outlet(std::shared_ptr<inbox<event>> buffer, bool holds)
      : buffer_(std::move(buffer))
      , holds_(holds) {}

  // -- By the publisher

  /// From now on messages can be sent. `time` must outlive the time until
  /// close(); `on_refused` is called by whoever sends.
  void open(std::shared_ptr<sender> socket, message_writer writer,
            const clock& time, refusal_sink on_refused);
  /// Afterwards nothing is sent; releases the socket.
  void close();

  /// Sends up to `messages_max` of what waits. True when that was not all.
  bool serve(std::size_t messages_max);
  /// Asks the socket who listens.
  void look_at_subscribers();
  /// What waits is sent even when nobody listens.
  void stop_holding();

  /// Whether threads have published since this was asked last, of those that
  /// send what waits before them, too.
  bool was_attended();

  picture look() const;

  // -- By any thread

  /// Sends it, if that is for this thread to do. False: the publisher has to be
  /// told.
  bool serve_at_once(const pushed_event& pushed);

 private:
  bool is_held() const DYNAMO_REQUIRES(mutex_) {
    return holds_ && listeners_ == 0;
  }
  bool takes_credit() DYNAMO_REQUIRES(mutex_);
  std::size_t send_some(std::size_t messages_max) DYNAMO_REQUIRES(mutex_);
  void count_large_as_taken(bool is_empty) DYNAMO_REQUIRES(mutex_);

  const std::shared_ptr<inbox<event>> buffer_;
  mutable mutex mutex_;
  bool holds_ DYNAMO_GUARDED_BY(mutex_);
  std::shared_ptr<sender> socket_ DYNAMO_GUARDED_BY(mutex_);
  std::optional<message_writer> writer_ DYNAMO_GUARDED_BY(mutex_);
  const clock* time_ DYNAMO_GUARDED_BY(mutex_) = nullptr;
  refusal_sink on_refused_ DYNAMO_GUARDED_BY(mutex_);
  std::size_t listeners_ DYNAMO_GUARDED_BY(mutex_) = 0;
  std::uint64_t not_encoded_ DYNAMO_GUARDED_BY(mutex_) = 0;
  /// What was taken from the buffer; kept for its memory.
  std::vector<inbox_item<event>> taken_ DYNAMO_GUARDED_BY(mutex_);
  std::size_t credit_ DYNAMO_GUARDED_BY(mutex_) = credit_max;
  clock::time_point credited_at_ DYNAMO_GUARDED_BY(mutex_);
  /// A thread has published that sends what waits before its event, too.
  std::atomic<bool> is_attended_{false};
  /// Large events in the buffer, about: one may be taken before it is counted.
  std::atomic<std::int64_t> large_waiting_{0};
  /// Of the socket that was closed.
  sender_counts last_counts_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo::actors
