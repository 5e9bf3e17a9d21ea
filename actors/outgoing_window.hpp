#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/events/envelope.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace dynamo::actors {

/// The batches of one publisher that have their numbers but no final answer, in
/// their order: which of them is to be sent now, and what an answer means for
/// the others. Pure.
class outgoing_window {
 public:
  using batch = std::shared_ptr<const std::vector<wire_message>>;

  /// Messages that have their answer.
  struct totals {
    std::uint64_t sent = 0;
    std::uint64_t unheard = 0;
    std::uint64_t refused = 0;
  };

  /// A batch to be sent, and the number that its answer has to name.
  struct numbered_batch {
    std::uint64_t number = 0;
    batch messages;
    /// Its answer is waited for.
    bool is_urgent = true;
  };

  /// What was confirmed for no longer than `repeat_window` when a connection
  /// was lost is sent again; with 0 nothing is.
  explicit outgoing_window(std::chrono::milliseconds repeat_window)
      : repeat_window_(repeat_window) {}

  void add(batch messages);

  /// Whether another batch could be sent at once.
  bool has_room() const;

  /// The next batch to be sent now, if there is one. Two are on their way at a
  /// time, or more while they are few messages; but one alone until somebody is
  /// known to listen: were the first of two unheard and the second heard, the
  /// first could not be sent any more.
  std::optional<numbered_batch> next();

  /// An answer came. Those to a batch that has its answer already change
  /// nothing.
  void on_sent(std::uint64_t number, const totals& answer,
               clock::time_point now);

  /// Nobody is subscribed. True: nothing is on its way any more, and the owner
  /// has to choose between hold() and give_up().
  bool on_unheard(std::uint64_t number);

  /// Keeps what was unheard. It is offered again by send_again().
  void hold() { is_holding_ = true; }
  bool is_holding() const { return is_holding_; }
  /// Counts what was unheard as lost.
  void give_up();

  /// Everything without an answer is to be sent once more, in its order.
  void send_again();

  /// The connection was lost at `lost_at` and there is another. As above, and
  /// before it what was confirmed lately: a server that ends closes its
  /// connections one after the other, and confirms meanwhile what a subscriber
  /// that was closed before does not get.
  void send_again_after_loss(clock::time_point lost_at);

  bool is_empty() const { return batches_.empty(); }
  bool is_anything_on_its_way() const { return on_their_way_ > 0; }
  /// Messages that have no answer.
  std::size_t message_count() const;
  const totals& answered() const { return answered_; }

 private:
  enum class progress { unsent, on_its_way, unheard };

  struct entry {
    numbered_batch what;
    progress so_far = progress::unsent;
    /// When it was confirmed before; nothing when it is new.
    std::optional<clock::time_point> confirmed_at;
  };

  bool takes_another() const;
  void count(const entry& one, bool is_new);
  void set(entry& one, progress so_far);
  void count_unheard(const entry& one);
  void keep_for_repeat(entry confirmed, clock::time_point now);

  std::chrono::milliseconds repeat_window_;
  std::uint64_t last_number_ = 0;
  std::deque<entry> batches_;
  /// Of these.
  std::size_t unsent_ = 0;
  std::size_t on_their_way_ = 0;
  std::size_t messages_on_their_way_ = 0;
  /// Confirmed lately, oldest first.
  std::deque<entry> recent_;
  std::size_t recent_messages_ = 0;
  /// Whether somebody got the last batch that was answered.
  bool is_heard_ = false;
  bool is_holding_ = false;
  totals answered_;
};

} // namespace dynamo::actors
