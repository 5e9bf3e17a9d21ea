#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/transport/prefix_set.hpp"
#include "dynamo/transport/zmtp.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace dynamo {

/// A message as it goes over the wire, shared by all who get it.
using broker_message = std::shared_ptr<const byte_buffer>;

/// One subscriber of a broker: its connection, its subscriptions and what
/// waits for it. Belongs to the broker's thread.
class broker_subscriber {
 public:
  /// Told of every prefix that begins or ends.
  enum class change { begun, ended };
  using change_sink = std::function<void(std::string_view prefix, change)>;

  /// Owns `descriptor`, a connection that does not block. The options outlive
  /// it.
  broker_subscriber(int descriptor, const broker_options& options,
                    clock::time_point now);
  ~broker_subscriber();
  broker_subscriber(const broker_subscriber&) = delete;
  broker_subscriber& operator=(const broker_subscriber&) = delete;

  /// Takes what has come. An error ends the connection; errc::closed means
  /// that the peer did.
  status read(const change_sink& changed);
  /// Writes as much as goes.
  status write();

  /// Whether something waits to be written.
  bool is_waiting() const { return !queue_.empty(); }
  /// Notes whether its owner hears when more can be written, and returns what
  /// was noted before.
  bool watch_room(bool wanted) { return std::exchange(watches_room_, wanted); }
  bool is_ready() const { return reader_.is_ready(); }
  clock::time_point since() const { return since_; }
  int descriptor() const { return descriptor_; }

  bool wants(std::string_view topic) const { return wanted_.covers(topic); }
  const prefix_set& wanted() const { return wanted_; }

  bool is_full() const;
  /// Whether it was full for as long as it is waited for, and has not caught
  /// up since.
  bool is_late() const { return is_late_; }
  void mark_late() { is_late_ = true; }

  /// Only while it is not full.
  void put(broker_message message);
  std::size_t waiting() const { return queue_.size(); }

 private:
  void take(const zmtp_request& request, const change_sink& changed);
  void forget(std::size_t bytes);

  const int descriptor_;
  const broker_options& options_;
  const clock::time_point since_;
  zmtp_reader reader_;
  prefix_set wanted_;
  std::deque<broker_message> queue_;
  std::size_t queued_bytes_ = 0;
  /// Bytes of the first message that are written.
  std::size_t offset_ = 0;
  bool has_too_many_ = false;
  bool is_late_ = false;
  bool watches_room_ = true;
};

} // namespace dynamo
