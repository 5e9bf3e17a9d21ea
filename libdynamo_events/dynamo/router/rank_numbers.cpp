#include "dynamo/router/rank_numbers.hpp"

#include "dynamo/router/bucket_table.hpp"

#include <new>

namespace dynamo {

rank_numbers::rank_numbers(retired_blocks& retired)
    : memory_(retired.memory())
    , free_(counted_allocator<std::uint16_t>{memory_})
    , retired_(counted_allocator<std::uint16_t>{memory_})
    , swept_(counted_allocator<std::uint16_t>{memory_})
    , current_(counted_allocator<std::uint16_t>{memory_})
    , previous_(counted_allocator<std::uint16_t>{memory_}) {}

rank_numbers::~rank_numbers() {
  for (std::atomic<chunk*>& one : chunks_) {
    if (chunk* const made = one.load(std::memory_order_relaxed))
      memory_.give_back(made, sizeof(chunk));
  }
}

std::uint32_t rank_numbers::take(const worker_rank& rank) {
  std::uint32_t number = bound_.load(std::memory_order_relaxed);
  if (!free_.empty()) {
    number = free_.back();
    free_.pop_back();
  } else {
    if (number == rank_numbers_max)
      return no_index;
    if (number % chunk_size == 0) {
      if (!memory_.has_room(sizeof(chunk)))
        return no_index;
      chunks_[number / chunk_size].store(
          new (memory_.take(sizeof(chunk))) chunk, std::memory_order_release);
    }
    bound_.store(number + 1, std::memory_order_release);
  }
  entry& given = (*this)[number];
  given.rank = rank;
  for (auto& blocks : given.lower)
    blocks.store(0, std::memory_order_relaxed);
  given.live.store(true, std::memory_order_release);
  return number;
}

void rank_numbers::retire(std::uint32_t number) {
  (*this)[number].live.store(false, std::memory_order_release);
  retired_.push_back(static_cast<std::uint16_t>(number));
}

void rank_numbers::begin_sweep() {
  append(swept_, retired_);
}

void rank_numbers::end_sweep() {
  append(current_, swept_);
}

void rank_numbers::end_epoch() {
  append(free_, previous_);
  previous_.swap(current_);
}

void rank_numbers::append(list& to, list& from) {
  to.insert(to.end(), from.begin(), from.end());
  from.clear();
}

} // namespace dynamo
