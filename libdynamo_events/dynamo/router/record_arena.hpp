#pragma once

#include "dynamo/router/bucket_table.hpp"
#include "dynamo/router/reader_epochs.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace dynamo {

/// Records with 32-bit numbers that never move, in chunks that go back to the
/// heap when they are empty. A record has `link`, an atomic 32-bit number that
/// the arena uses while the record is retired.
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
  /// Numbers stay well below 2^30, so that two bits are free beside them.
  static constexpr std::uint32_t chunks_max = (1U << 30) / chunk_size - 1;

  explicit record_arena(retired_blocks& retired)
      : retired_(retired)
      , roomy_(counted_allocator<std::uint32_t>{retired.memory()})
      , ragged_(counted_allocator<std::uint32_t>{retired.memory()})
      , empty_(counted_allocator<std::uint32_t>{retired.memory()})
      , pages_(counted_allocator<std::uint8_t>{retired.memory()}) {}
  record_arena(const record_arena&) = delete;
  record_arena& operator=(const record_arena&) = delete;

  ~record_arena() {
    directory* const all = directory_.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < chunks_; ++i) {
      if (chunk* const one = all->at(i).load(std::memory_order_relaxed))
        memory().give_back(one, sizeof(chunk));
    }
    if (all != nullptr)
      memory().give_back(all, all->bytes);
  }

  Record& operator[](std::uint32_t id) const {
    const directory* const all = directory_.load(std::memory_order_acquire);
    chunk* const in = all->at(id / chunk_size).load(std::memory_order_acquire);
    return in->records[id % chunk_size];
  }

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
      const chunk* const in = chunk_of(id / chunk_size);
      if (in == nullptr) {
        id = (id / chunk_size + 1) * chunk_size;
        continue;
      }
      const std::uint64_t word =
          in->taken[id % chunk_size / page_size] >> (id % page_size);
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

  struct chunk {
    std::array<Record, chunk_size> records;
    /// A bit for each record.
    std::array<std::uint64_t, pages_per_chunk> taken{};
    std::uint32_t taken_count = 0;
  };

  struct directory : shared_block {
    std::uint32_t size = 0;

    std::atomic<chunk*>& at(std::uint32_t i) const {
      auto* const first = reinterpret_cast<std::atomic<chunk*>*>(
          const_cast<directory*>(this) + 1);
      return first[i];
    }
  };

  memory_count& memory() { return retired_.memory(); }
  std::size_t capacity() const {
    return (chunks_ - empty_.size()) * std::size_t{chunk_size};
  }
  chunk* chunk_of(std::uint32_t number) const {
    return directory_.load(std::memory_order_relaxed)
        ->at(number)
        .load(std::memory_order_relaxed);
  }

  bool is_free(std::uint32_t id) const {
    if (id >= chunks_ * chunk_size)
      return false;
    const chunk* const in = chunk_of(id / chunk_size);
    return in != nullptr &&
           (in->taken[id % chunk_size / page_size] >> (id % page_size) & 1) ==
               0;
  }

  std::uint32_t claim(std::uint32_t id) {
    chunk& in = *chunk_of(id / chunk_size);
    in.taken[id % chunk_size / page_size] |= std::uint64_t{1}
                                             << (id % page_size);
    ++in.taken_count;
    --free_;
    last_ = id;
    return id;
  }

  /// A free place of the first page in the list that has one.
  std::uint32_t from(numbers& pages, std::uint8_t kind) {
    while (!pages.empty()) {
      const std::uint32_t page = pages.back();
      const chunk* const in = chunk_of(page / pages_per_chunk);
      const std::uint64_t taken =
          in == nullptr ? ~std::uint64_t{0} : in->taken[page % pages_per_chunk];
      const std::uint64_t room =
          kind == roomy_page ? free_bytes(taken) : ~taken;
      if (room != 0) {
        const auto bit = static_cast<std::uint32_t>(std::countr_zero(room));
        // The mark of a free byte is its highest bit.
        return page * page_size + (kind == roomy_page ? bit / 8 * 8 : bit);
      }
      pages_[page] = static_cast<std::uint8_t>(pages_[page] & ~kind);
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
    if ((pages_[page] & kind) != 0)
      return;
    pages_[page] = static_cast<std::uint8_t>(pages_[page] | kind);
    pages.push_back(page);
  }

  void release(std::uint32_t id) {
    const std::uint32_t number = id / chunk_size;
    chunk& in = *chunk_of(number);
    std::uint64_t& taken = in.taken[id % chunk_size / page_size];
    taken &= ~(std::uint64_t{1} << (id % page_size));
    ++free_;
    if (--in.taken_count == 0) {
      directory_.load(std::memory_order_relaxed)
          ->at(number)
          .store(nullptr, std::memory_order_release);
      in.~chunk();
      memory().give_back(&in, sizeof(chunk));
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
    if (!memory().has_room(sizeof(chunk) + memory().max() / 32))
      return false;
    std::uint32_t number = chunks_;
    if (!empty_.empty()) {
      number = empty_.back();
      empty_.pop_back();
    } else {
      if (chunks_ == chunks_max || !fit_directory())
        return false;
      ++chunks_;
      pages_.resize(chunks_ * pages_per_chunk);
    }
    directory_.load(std::memory_order_relaxed)
        ->at(number)
        .store(new (memory().take(sizeof(chunk))) chunk,
               std::memory_order_release);
    free_ += chunk_size;
    for (std::uint32_t page = pages_per_chunk; page-- > 0;)
      list(roomy_, number * pages_per_chunk + page, roomy_page);
    return true;
  }

  /// Room for one more chunk.
  bool fit_directory() {
    directory* const old = directory_.load(std::memory_order_relaxed);
    if (old != nullptr && chunks_ < old->size)
      return true;
    const std::uint32_t size = old == nullptr ? 16 : old->size * 2;
    const std::size_t bytes =
        sizeof(directory) + size * sizeof(std::atomic<chunk*>);
    if (!memory().has_room(bytes))
      return false;
    auto* const grown = new (memory().take(bytes)) directory;
    grown->bytes = static_cast<std::uint32_t>(bytes);
    grown->size = size;
    for (std::uint32_t i = 0; i < size; ++i)
      new (&grown->at(i))
          std::atomic<chunk*>{i < chunks_ ? chunk_of(i) : nullptr};
    directory_.store(grown, std::memory_order_release);
    if (old != nullptr)
      retired_.retire(old);
    return true;
  }

  retired_blocks& retired_;
  std::atomic<directory*> directory_{nullptr};
  /// Chunks that the directory has, empty places included.
  std::uint32_t chunks_ = 0;
  std::size_t free_ = 0;
  std::uint32_t last_ = 0;
  std::size_t waiting_ = 0;
  std::uint32_t current_ = no_index;
  std::uint32_t previous_ = no_index;
  /// Pages that may have eight free places in a row, or any.
  numbers roomy_;
  numbers ragged_;
  /// Chunk numbers without a chunk.
  numbers empty_;
  /// By page: the lists that it stands in.
  std::vector<std::uint8_t, counted_allocator<std::uint8_t>> pages_;
};

} // namespace dynamo
