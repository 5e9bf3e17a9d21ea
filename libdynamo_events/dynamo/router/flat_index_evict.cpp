#include "dynamo/router/flat_index.hpp"

namespace dynamo {

/// Before an event that stores so many blocks: what must go for them goes now,
/// so that its readers have left by then.
void flat_index::prepare_room(std::size_t blocks, storage_tier tier) {
  constexpr std::size_t ahead = 512;
  const bool is_device = tier == storage_tier::device;
  const std::size_t free = is_device ? device_.free() : lower_.free();
  if (free >= blocks || memory_.has_room(memory_.max() / 16))
    return;
  if (free + waiting() < blocks + ahead)
    static_cast<void>(make_room());
  else
    reclaim();
}

/// Drops some blocks, first those that only retired ranks hold, then those
/// that were not used for longest. False when nothing came of it: nothing is
/// left, or readers are in the way.
bool flat_index::make_room() {
  constexpr std::size_t evicted_at_once = 128;
  constexpr std::size_t swept_at_once = 16'384;
  if (is_sweeping_ || numbers_.are_retired())
    sweep(swept_at_once);
  bool has_dropped = waiting() > 0;
  if (!has_dropped)
    has_dropped = evict(evicted_at_once);
  // Twice: what goes in one epoch is free two later.
  const bool has_begun = reclaim();
  return reclaim() && has_begun && has_dropped;
}

/// Drops up to so many blocks; false when there was none.
bool flat_index::evict(std::size_t blocks) {
  std::size_t done = 0;
  for (; done < blocks; ++done) {
    // Each tier in its turn, as often as it has blocks.
    lower_turn_ += lower_.size();
    const std::size_t all = device_.size() + lower_.size();
    const bool is_lower = lower_turn_ >= all;
    lower_turn_ -= is_lower ? all : 0;
    if (!(is_lower ? evict_lower() || evict_device()
                   : evict_device() || evict_lower()))
      break;
  }
  climb_ = no_index;
  return done > 0;
}

/// Drops the next leaf in turn that does not survive its turn. What lies above
/// it had its turns, too, so the chain goes from its end.
bool flat_index::evict_device() {
  constexpr int rounds_max = 4;
  int rounds = 0;
  while (rounds < rounds_max) {
    std::uint32_t id = climb_;
    climb_ = no_index;
    if (id == no_index || id == device_blocks::root) {
      id = device_.next(device_hand_);
      if (id == no_index) {
        device_hand_ = 0;
        ++rounds;
        continue;
      }
      device_hand_ = id + 1;
    }
    if (!device_.is_in_tree(id) || device_.survives(id) ||
        !device_.is_leaf(id) || id == kept_)
      continue;
    rank_word::for_each(
        device_[id].ranks.load(std::memory_order_relaxed),
        [&](std::uint32_t number) { count_evicted(number, 0); });
    climb_ = device_.drop_leaf(id);
    return true;
  }
  return false;
}

bool flat_index::evict_lower() {
  constexpr int rounds_max = 4;
  int rounds = 0;
  while (rounds < rounds_max) {
    const std::uint32_t id = lower_.next(lower_hand_);
    if (id == no_index) {
      lower_hand_ = 0;
      ++rounds;
      continue;
    }
    lower_hand_ = id + 1;
    if (const auto where = lower_.evict(id)) {
      count_evicted(where->rank, where->tier + 1);
      return true;
    }
  }
  return false;
}

void flat_index::count_evicted(std::uint32_t number, std::size_t tier) {
  // What a retired rank held was counted when it was cleared.
  rank_entry* const entry = by_number_[number];
  if (entry == nullptr)
    return;
  count(*entry, tier, -1);
  ++entry->evicted;
  ++evicted_;
}

/// Takes retired ranks out of so many records; false when none are left.
bool flat_index::sweep(std::size_t records) {
  if (!is_sweeping_) {
    if (!numbers_.are_retired())
      return false;
    numbers_.begin_sweep();
    is_sweeping_ = true;
    sweeps_lower_ = false;
    swept_ = 0;
  }
  for (; records > 0; --records) {
    const std::uint32_t id =
        sweeps_lower_ ? lower_.next(swept_) : device_.next(swept_);
    if (id != no_index) {
      swept_ = id + 1;
      if (sweeps_lower_)
        lower_.sweep(id);
      else if (device_.is_in_tree(id))
        device_.sweep(id);
    } else if (!sweeps_lower_) {
      sweeps_lower_ = true;
      swept_ = 0;
    } else {
      numbers_.end_sweep();
      is_sweeping_ = false;
      return numbers_.are_retired();
    }
  }
  return true;
}

/// Gives back what all readers have left; false when some are in the way.
bool flat_index::reclaim() {
  if (!epochs_.advance())
    return false;
  retired_.end_epoch();
  device_.end_epoch();
  lower_.end_epoch();
  numbers_.end_epoch();
  return true;
}

std::size_t flat_index::waiting() const {
  return retired_.waiting() + device_.waiting() + lower_.waiting();
}

bool flat_index::tidy(std::size_t steps) {
  constexpr std::size_t swept_per_step = 1024;
  for (std::size_t i = 0; i < steps; ++i) {
    const bool has_more = sweep(swept_per_step);
    const bool is_waiting = waiting() + numbers_.waiting() > 0;
    if (is_waiting)
      reclaim();
    if (!has_more && waiting() + numbers_.waiting() == 0)
      return false;
  }
  return is_sweeping_ || numbers_.are_retired() ||
         waiting() + numbers_.waiting() > 0;
}

} // namespace dynamo
