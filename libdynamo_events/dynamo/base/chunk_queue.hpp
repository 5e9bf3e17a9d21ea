#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

namespace dynamo {

/// A queue whose items leave as they came, many at a time: a whole chunk is
/// handed over by exchanging it for the taker's empty vector, which holds the
/// next ones. So neither side allocates once both have grown.
template <class T>
class chunk_queue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& front() { return chunks_.front()[begin_]; }

  void push_back(T value) {
    if (chunks_.empty() || chunks_.back().size() == chunk_max) {
      chunks_.push_back(std::exchange(spare_, {}));
    }
    chunks_.back().push_back(std::move(value));
    ++size_;
  }

  void pop_front() {
    ++begin_;
    --size_;
    drop_taken();
  }

  /// Appends up to `most` items to `out`.
  void take(std::vector<T>& out, std::size_t most) {
    while (most > 0 && size_ > 0) {
      auto& first = chunks_.front();
      const std::size_t count = std::min(first.size() - begin_, most);
      if (out.empty() && begin_ == 0 && count == first.size()) {
        first.swap(out);
      } else {
        const auto from = first.begin() + static_cast<std::ptrdiff_t>(begin_);
        out.insert(
            out.end(), std::make_move_iterator(from),
            std::make_move_iterator(from + static_cast<std::ptrdiff_t>(count)));
        begin_ += count;
      }
      size_ -= count;
      most -= count;
      drop_taken();
    }
  }

 private:
  static constexpr std::size_t chunk_max = 256;

  /// The first chunk is done with when all of it is taken.
  void drop_taken() {
    auto& first = chunks_.front();
    if (begin_ < first.size()) {
      return;
    }
    begin_ = 0;
    first.clear();
    if (chunks_.size() > 1) {
      spare_ = std::move(first);
      chunks_.pop_front();
    }
  }

  std::deque<std::vector<T>> chunks_;
  /// Taken items of the first chunk.
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
  std::vector<T> spare_;
};

} // namespace dynamo
