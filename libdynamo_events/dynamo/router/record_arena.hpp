#pragma once

#include "dynamo/router/bucket_table.hpp"
#include "dynamo/router/reader_epochs.hpp"
#include "dynamo/router/reserved_range.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <vector>

namespace dynamo {

/// Records with 32-bit numbers that never move, in chunks whose memory goes
/// back to the system when they are empty. A record has `link`, an atomic
/// 32-bit number that the arena uses while the record is retired.
///
/// Records that are asked for one after the other get places next to each
/// other, for they are read one after the other too.
///
/// Thread-safe: `operator[]` for any reader that reached the number inside a
/// `reader_epochs::reading`; everything else for one writer.
template <class Record>
class record_arena {
 public:
  static constexpr std::uint32_t chunk_size = 1024;
  /// Numbers stay well below 2^29, so that three bits are free beside them.
  static constexpr std::uint32_t chunks_max = (1U << 29) / chunk_size - 1;

  explicit record_arena(retired_blocks& retired)
      : retired_(retired)
      , chunk_limit_(limit_of(retired.memory()))
      , record_range_(chunk_limit_ * chunk_bytes)
      , taken_range_(chunk_limit_ * taken_bytes)
      , lists_range_(chunk_limit_ * lists_bytes)
      , records_(static_cast<Record*>(record_range_.begin()))
      , taken_(static_cast<std::uint64_t*>(taken_range_.begin()))
      , lists_(static_cast<std::uint8_t*>(lists_range_.begin()))
      , roomy_(counted_allocator<std::uint32_t>{retired.memory()})
      , ragged_(counted_allocator<std::uint32_t>{retired.memory()})
      , empty_(counted_allocator<std::uint32_t>{retired.memory()}) {}
  record_arena(const record_arena&) = delete;
  record_arena& operator=(const record_arena&) = delete;

  ~record_arena() {
    memory().take_off(capacity() * sizeof(Record) +
                      bound_ / chunk_size * (taken_bytes + lists_bytes));
  }

  Record& operator[](std::uint32_t id) const { return records_[id]; }

  /// A place, at `hint` if that is free; no_index when there is no memory. What
  /// was there before may stand there still.
  std::uint32_t take(std::uint32_t hint) {
    if (is_free(hint))
      return claim(hint);
    std::uint32_t id = from(roomy_, roomy_page);
    // New memory for a tidy order, but not when an eighth lies idle.
    if (id == no_index && free_ > capacity() / 8)
      id = from(ragged_, ragged_page);
    if (id == no_index && add_chunk())
      id = from(roomy_, roomy_page);
    if (id == no_index)
      id = from(ragged_, ragged_page);
    return id == no_index ? no_index : claim(id);
  }

  /// The same, next to the one taken last.
  std::uint32_t take() { return take(last_ + 1); }

  /// Takes a record out of use that nothing leads to any more.
  void retire(std::uint32_t id) {
    (*this)[id].link.store(current_, std::memory_order_release);
    current_ = id;
    ++waiting_;
  }

  /// Comes after an `advance` of the epochs.
  void end_epoch() {
    while (previous_ != no_index) {
      const std::uint32_t id = previous_;
      previous_ = (*this)[id].link.load(std::memory_order_relaxed);
      --waiting_;
      release(id);
    }
    previous_ = current_;
    current_ = no_index;
  }

  /// The first number from `id` on that is in use or retired, or no_index.
  std::uint32_t next_taken(std::uint32_t id) const {
    while (id < bound_) {
      if ((lists_[id / page_size] & absent_page) != 0) {
        id = (id / chunk_size + 1) * chunk_size;
        continue;
      }
      const std::uint64_t word = taken_[id / page_size] >> (id % page_size);
      if (word != 0)
        return id + static_cast<std::uint32_t>(std::countr_zero(word));
      id = (id / page_size + 1) * page_size;
    }
    return no_index;
  }

  /// Records in use.
  std::size_t size() const { return capacity() - free_ - waiting_; }
  std::size_t waiting() const { return waiting_; }
  /// Places that need no new memory.
  std::size_t free() const { return free_; }

 private:
  static constexpr std::uint32_t page_size = 64;
  static constexpr std::uint32_t pages_per_chunk = chunk_size / page_size;
  /// Flags of a page: the lists that it stands in, and that it has no memory.
  static constexpr std::uint8_t roomy_page = 1;
  static constexpr std::uint8_t ragged_page = 2;
  static constexpr std::uint8_t absent_page = 4;

  using numbers = std::vector<std::uint32_t, counted_allocator<std::uint32_t>>;

  static constexpr std::size_t chunk_bytes = chunk_size * sizeof(Record);
  /// Of a chunk's pages in taken_ and in lists_.
  static constexpr std::size_t taken_bytes =
      pages_per_chunk * sizeof(std::uint64_t);
  static constexpr std::size_t lists_bytes = pages_per_chunk;
  static_assert(std::is_trivially_destructible_v<Record>);

  /// More chunks than the memory will ever be for are not asked for.
  static std::uint32_t limit_of(const memory_count& memory) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(chunks_max, memory.max() / chunk_bytes + 1));
  }

  memory_count& memory() { return retired_.memory(); }
  std::size_t capacity() const {
    return bound_ - empty_.size() * std::size_t{chunk_size};
  }

  bool is_free(std::uint32_t id) const {
    return id < bound_ && (taken_[id / page_size] >> (id % page_size) & 1) == 0;
  }

  std::uint32_t claim(std::uint32_t id) {
    taken_[id / page_size] |= std::uint64_t{1} << (id % page_size);
    --free_;
    last_ = id;
    return id;
  }

  /// A free place of the first page in the list that has one.
  std::uint32_t from(numbers& pages, std::uint8_t kind) {
    while (!pages.empty()) {
      const std::uint32_t page = pages.back();
      const std::uint64_t taken = taken_[page];
      const std::uint64_t room =
          kind == roomy_page ? free_bytes(taken) : ~taken;
      if (room != 0) {
        const auto bit = static_cast<std::uint32_t>(std::countr_zero(room));
        // The mark of a free byte is its highest bit.
        return page * page_size + (kind == roomy_page ? bit / 8 * 8 : bit);
      }
      lists_[page] = static_cast<std::uint8_t>(lists_[page] & ~kind);
      pages.pop_back();
      if (~taken != 0)
        list(ragged_, page, ragged_page);
    }
    return no_index;
  }

  /// Non-zero where one of the word's bytes is free; its lowest bit lies in
  /// the first of them.
  static std::uint64_t free_bytes(std::uint64_t taken) {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    return (taken - ones) & ~taken & (ones << 7);
  }

  void list(numbers& pages, std::uint32_t page, std::uint8_t kind) {
    if ((lists_[page] & kind) != 0)
      return;
    lists_[page] = static_cast<std::uint8_t>(lists_[page] | kind);
    pages.push_back(page);
  }

  void release(std::uint32_t id) {
    const std::uint32_t page = id / page_size;
    const std::uint64_t taken = taken_[page] &=
        ~(std::uint64_t{1} << (id % page_size));
    ++free_;
    if (taken == 0 && drop_chunk(id / chunk_size))
      return;
    list(ragged_, page, ragged_page);
    if (free_bytes(taken) != 0)
      list(roomy_, page, roomy_page);
  }

  /// Gives the memory of a chunk back if nothing is in use there.
  bool drop_chunk(std::uint32_t number) {
    const std::uint32_t first = number * pages_per_chunk;
    const std::uint32_t end = first + pages_per_chunk;
    for (std::uint32_t page = first; page < end; ++page) {
      if (taken_[page] != 0)
        return false;
    }
    for (std::uint32_t page = first; page < end; ++page) {
      taken_[page] = ~std::uint64_t{0};
      lists_[page] |= absent_page;
    }
    record_range_.give_back(number * chunk_bytes, chunk_bytes);
    memory().take_off(chunk_bytes);
    empty_.push_back(number);
    free_ -= chunk_size;
    return true;
  }

  bool add_chunk() {
    // The last of the memory is for tables and sets, which grow later.
    if (!memory().has_room(chunk_bytes + taken_bytes + lists_bytes +
                           memory().max() / 32))
      return false;
    const bool is_new = empty_.empty();
    const std::uint32_t number = is_new ? bound_ / chunk_size : empty_.back();
    if (is_new && !has_pages_for(number))
      return false;
    if (!record_range_.use(number * chunk_bytes, chunk_bytes))
      return false;
    const std::uint32_t first = number * pages_per_chunk;
    if (is_new) {
      memory().add(taken_bytes + lists_bytes);
      bound_ += chunk_size;
    } else {
      empty_.pop_back();
    }
    memory().add(chunk_bytes);
    for (std::uint32_t i = 0; i < chunk_size; ++i)
      new (&records_[number * chunk_size + i]) Record;
    free_ += chunk_size;
    for (std::uint32_t page = first + pages_per_chunk; page-- > first;) {
      taken_[page] = 0;
      lists_[page] = static_cast<std::uint8_t>(lists_[page] & ~absent_page);
      list(roomy_, page, roomy_page);
    }
    return true;
  }

  /// Whether one more chunk can be kept account of; what comes from the system
  /// is zero.
  bool has_pages_for(std::uint32_t number) {
    return number < chunk_limit_ &&
           taken_range_.use(number * taken_bytes, taken_bytes) &&
           lists_range_.use(number * lists_bytes, lists_bytes);
  }

  retired_blocks& retired_;
  std::uint32_t chunk_limit_;
  reserved_range record_range_;
  reserved_range taken_range_;
  reserved_range lists_range_;
  Record* records_;
  /// By page: a bit for each record that is in use, all of them where there is
  /// no memory.
  std::uint64_t* taken_;
  /// By page: its flags.
  std::uint8_t* lists_;
  /// All numbers that there ever were are below.
  std::uint32_t bound_ = 0;
  std::size_t free_ = 0;
  std::uint32_t last_ = 0;
  std::size_t waiting_ = 0;
  std::uint32_t current_ = no_index;
  std::uint32_t previous_ = no_index;
  /// Pages that may have eight free places in a row, or any.
  numbers roomy_;
  numbers ragged_;
  /// Chunks without memory.
  numbers empty_;
};

} // namespace dynamo
