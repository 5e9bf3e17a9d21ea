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
      , state_range_(chunk_limit_ * sizeof(chunk_state))
      , records_(static_cast<Record*>(record_range_.begin()))
      , states_(static_cast<chunk_state*>(state_range_.begin()))
      , roomy_(counted_allocator<std::uint32_t>{retired.memory()})
      , ragged_(counted_allocator<std::uint32_t>{retired.memory()})
      , empty_(counted_allocator<std::uint32_t>{retired.memory()}) {}
  record_arena(const record_arena&) = delete;
  record_arena& operator=(const record_arena&) = delete;

  ~record_arena() {
    memory().take_off(capacity() * sizeof(Record) +
                      chunks_ * sizeof(chunk_state));
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
    while (id < chunks_ * chunk_size) {
      const chunk_state& in = states_[id / chunk_size];
      if (!in.is_there) {
        id = (id / chunk_size + 1) * chunk_size;
        continue;
      }
      const std::uint64_t word =
          in.taken[id % chunk_size / page_size] >> (id % page_size);
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
  /// Flags of a page: the list that it stands in.
  static constexpr std::uint8_t roomy_page = 1;
  static constexpr std::uint8_t ragged_page = 2;

  using numbers = std::vector<std::uint32_t, counted_allocator<std::uint32_t>>;

  struct chunk_state {
    /// A bit for each record.
    std::array<std::uint64_t, pages_per_chunk> taken{};
    /// By page: the lists that it stands in.
    std::array<std::uint8_t, pages_per_chunk> lists{};
    std::uint32_t taken_count = 0;
    /// Whether its records have memory.
    bool is_there = false;
  };
  static constexpr std::size_t chunk_bytes = chunk_size * sizeof(Record);
  static_assert(std::is_trivially_destructible_v<Record>);

  /// More chunks than the memory will ever be for are not asked for.
  static std::uint32_t limit_of(const memory_count& memory) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(chunks_max, memory.max() / chunk_bytes + 1));
  }

  memory_count& memory() { return retired_.memory(); }
  std::size_t capacity() const {
    return (chunks_ - empty_.size()) * std::size_t{chunk_size};
  }
  std::uint64_t& taken_of(std::uint32_t page) const {
    return states_[page / pages_per_chunk].taken[page % pages_per_chunk];
  }
  std::uint8_t& lists_of(std::uint32_t page) const {
    return states_[page / pages_per_chunk].lists[page % pages_per_chunk];
  }

  bool is_free(std::uint32_t id) const {
    return id < chunks_ * chunk_size && states_[id / chunk_size].is_there &&
           (taken_of(id / page_size) >> (id % page_size) & 1) == 0;
  }

  std::uint32_t claim(std::uint32_t id) {
    taken_of(id / page_size) |= std::uint64_t{1} << (id % page_size);
    ++states_[id / chunk_size].taken_count;
    --free_;
    last_ = id;
    return id;
  }

  /// A free place of the first page in the list that has one.
  std::uint32_t from(numbers& pages, std::uint8_t kind) {
    while (!pages.empty()) {
      const std::uint32_t page = pages.back();
      const std::uint64_t taken = states_[page / pages_per_chunk].is_there
                                      ? taken_of(page)
                                      : ~std::uint64_t{0};
      const std::uint64_t room =
          kind == roomy_page ? free_bytes(taken) : ~taken;
      if (room != 0) {
        const auto bit = static_cast<std::uint32_t>(std::countr_zero(room));
        // The mark of a free byte is its highest bit.
        return page * page_size + (kind == roomy_page ? bit / 8 * 8 : bit);
      }
      lists_of(page) = static_cast<std::uint8_t>(lists_of(page) & ~kind);
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
    if ((lists_of(page) & kind) != 0)
      return;
    lists_of(page) = static_cast<std::uint8_t>(lists_of(page) | kind);
    pages.push_back(page);
  }

  void release(std::uint32_t id) {
    const std::uint32_t number = id / chunk_size;
    chunk_state& in = states_[number];
    std::uint64_t& taken = taken_of(id / page_size);
    taken &= ~(std::uint64_t{1} << (id % page_size));
    ++free_;
    if (--in.taken_count == 0) {
      in.is_there = false;
      record_range_.give_back(number * chunk_bytes, chunk_bytes);
      memory().take_off(chunk_bytes);
      empty_.push_back(number);
      free_ -= chunk_size;
      return;
    }
    list(ragged_, id / page_size, ragged_page);
    if (free_bytes(taken) != 0)
      list(roomy_, id / page_size, roomy_page);
  }

  bool add_chunk() {
    // The last of the memory is for tables and sets, which grow later.
    if (!memory().has_room(chunk_bytes + sizeof(chunk_state) +
                           memory().max() / 32))
      return false;
    std::uint32_t number = chunks_;
    if (!empty_.empty()) {
      number = empty_.back();
    } else if (chunks_ == chunk_limit_ ||
               !state_range_.use(number * sizeof(chunk_state),
                                 sizeof(chunk_state))) {
      return false;
    }
    if (!record_range_.use(number * chunk_bytes, chunk_bytes))
      return false;
    if (number == chunks_) {
      new (&states_[number]) chunk_state;
      memory().add(sizeof(chunk_state));
      ++chunks_;
    } else {
      empty_.pop_back();
    }
    memory().add(chunk_bytes);
    states_[number].is_there = true;
    for (std::uint32_t i = 0; i < chunk_size; ++i)
      new (&records_[number * chunk_size + i]) Record;
    free_ += chunk_size;
    for (std::uint32_t page = pages_per_chunk; page-- > 0;)
      list(roomy_, number * pages_per_chunk + page, roomy_page);
    return true;
  }

  retired_blocks& retired_;
  std::uint32_t chunk_limit_;
  reserved_range record_range_;
  reserved_range state_range_;
  Record* records_;
  chunk_state* states_;
  /// Chunks that there ever were.
  std::uint32_t chunks_ = 0;
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
