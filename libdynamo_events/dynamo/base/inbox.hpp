#pragma once

#include "dynamo/base/chunk_queue.hpp"
#include "dynamo/base/mutex.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dynamo {

/// What a full queue does with one item too many.
enum class overflow_policy {
  /// The item that comes is dropped.
  drop_newest,
  /// The oldest items are dropped until the new one fits.
  drop_oldest,
};

/// Bounds of an inbox. A single item beyond `bytes_max` never fits.
struct inbox_limits {
  std::size_t items_max = 100'000;
  std::size_t bytes_max = 64 * 1024 * 1024;
  overflow_policy policy = overflow_policy::drop_newest;
};

/// What happened to an item that was pushed.
enum class push_outcome {
  queued,
  /// Queued into an empty inbox: the consumer has to be woken.
  queued_first,
  dropped,
};

/// Totals since construction, and what is waiting now.
struct inbox_counts {
  std::uint64_t pushed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t drained = 0;
  std::size_t depth = 0;
  std::size_t depth_max = 0;
  std::size_t bytes = 0;
};

/// An item, and how many were dropped between it and the one before.
template <class T>
struct inbox_item {
  T value;
  std::size_t size_bytes = 0;
  std::uint64_t dropped_before = 0;
};

/// The bounded queue between a producer that must not wait (an I/O thread, an
/// engine) and the actor that consumes. A loss keeps its place: the item after
/// it says how many are missing before it.
///
/// Thread-safe: any number of producers, one consumer.
template <class T>
class inbox {
 public:
  explicit inbox(inbox_limits limits)
      : limits_(limits) {}

  /// Never waits. `size_bytes` counts against the byte limit. A value that is
  /// dropped is left to the caller as it was.
  push_outcome push(T&& value, std::size_t size_bytes) {
    // Dropped values are destroyed after the lock is gone.
    std::vector<inbox_item<T>> evicted;
    const lock_guard guard{mutex_};
    if (!place(std::move(value), size_bytes, evicted)) {
      return push_outcome::dropped;
    }
    return std::exchange(awake_, true) ? push_outcome::queued
                                       : push_outcome::queued_first;
  }

  push_outcome push(const T& value, std::size_t size_bytes) {
    return push(T{value}, size_bytes);
  }

  /// What became of several.
  struct pushed {
    std::size_t count = 0;
    std::size_t bytes = 0;
    std::size_t dropped = 0;
    /// The consumer has to be woken.
    bool is_first = false;
  };

  /// The same for several, in their order; `size_of(value)` is what each
  /// counts.
  template <class SizeOf>
  pushed push_all(std::vector<T>& values, SizeOf size_of) {
    std::vector<inbox_item<T>> evicted;
    pushed all;
    const lock_guard guard{mutex_};
    for (T& value : values) {
      const std::size_t size_bytes = size_of(value);
      if (place(std::move(value), size_bytes, evicted)) {
        ++all.count;
        all.bytes += size_bytes;
      } else {
        ++all.dropped;
      }
    }
    all.is_first = all.count > 0 && !std::exchange(awake_, true);
    return all;
  }

  /// Appends up to `items_max` items to `out` in the order they came and
  /// returns how many. A consumer that passes the same empty vector again and
  /// again has nothing allocated for it. When it returns less than `items_max`,
  /// the inbox was emptied and the next push answers queued_first.
  std::size_t drain(std::vector<inbox_item<T>>& out, std::size_t items_max) {
    const lock_guard guard{mutex_};
    const std::size_t before = out.size();
    items_.take(out, items_max);
    const std::size_t count = out.size() - before;
    for (std::size_t at = before; at < out.size(); ++at) {
      counts_.bytes -= out[at].size_bytes;
    }
    counts_.drained += count;
    if (count < items_max) {
      awake_ = false;
    }
    return count;
  }

  inbox_counts counts() const {
    const lock_guard guard{mutex_};
    inbox_counts counts = counts_;
    counts.depth = items_.size();
    return counts;
  }

 private:
  bool fits(std::size_t size_bytes) const DYNAMO_REQUIRES(mutex_) {
    return items_.size() < limits_.items_max &&
           size_bytes <= limits_.bytes_max - counts_.bytes;
  }

  /// Whether it is in the queue now. What had to go is put into `evicted`.
  bool place(T&& value, std::size_t size_bytes,
             std::vector<inbox_item<T>>& evicted) DYNAMO_REQUIRES(mutex_) {
    if (limits_.policy == overflow_policy::drop_oldest &&
        size_bytes <= limits_.bytes_max) {
      while (!items_.empty() && !fits(size_bytes)) {
        evicted.push_back(evict_oldest());
      }
    }
    if (!fits(size_bytes)) {
      ++counts_.dropped;
      ++dropped_at_end_;
      return false;
    }
    items_.push_back({std::move(value), size_bytes, dropped_at_end_});
    dropped_at_end_ = 0;
    counts_.bytes += size_bytes;
    ++counts_.pushed;
    counts_.depth_max = std::max(counts_.depth_max, items_.size());
    return true;
  }

  inbox_item<T> evict_oldest() DYNAMO_REQUIRES(mutex_) {
    inbox_item<T> oldest = std::move(items_.front());
    items_.pop_front();
    counts_.bytes -= oldest.size_bytes;
    ++counts_.dropped;
    const std::uint64_t lost = oldest.dropped_before + 1;
    (items_.empty() ? dropped_at_end_ : items_.front().dropped_before) += lost;
    return oldest;
  }

  const inbox_limits limits_;
  mutable mutex mutex_;
  chunk_queue<inbox_item<T>> items_ DYNAMO_GUARDED_BY(mutex_);
  inbox_counts counts_ DYNAMO_GUARDED_BY(mutex_);
  std::uint64_t dropped_at_end_ DYNAMO_GUARDED_BY(mutex_) = 0;
  bool awake_ DYNAMO_GUARDED_BY(mutex_) = false;
};

} // namespace dynamo
