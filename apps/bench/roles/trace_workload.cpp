#include "apps/bench/roles/trace_workload.hpp"

#include "apps/bench/roles/word_hash.hpp"
#include "dynamo/router/block_hash.hpp"

namespace dynamo::apps {

std::size_t
trace_workload::cache::leading(const std::vector<std::uint64_t>& names) const {
  std::size_t count = 0;
  while (count < names.size() && where_.contains(names[count])) {
    ++count;
  }
  return count;
}

void trace_workload::cache::touch(std::uint64_t name) {
  const auto at = where_.find(name);
  if (at != where_.end()) {
    order_.splice(order_.begin(), order_, at->second);
    return;
  }
  order_.push_front(name);
  where_.emplace(name, order_.begin());
}

std::size_t trace_workload::cache::use(const std::vector<std::uint64_t>& names,
                                       std::vector<std::uint64_t>& gone) {
  const std::size_t held = leading(names);
  // Backwards, so that a parent is newer than its child.
  for (std::size_t at = held; at > 0; --at) {
    touch(names[at - 1]);
  }
  const std::size_t fresh = names.size() - held;
  while (!order_.empty() && where_.size() + fresh > capacity_) {
    gone.push_back(order_.back());
    where_.erase(order_.back());
    order_.pop_back();
  }
  for (std::size_t at = names.size(); at > 0; --at) {
    touch(names[at - 1]);
  }
  return held;
}

trace_workload::trace_workload(std::size_t workers, std::size_t capacity)
    : caches_(workers, cache{capacity})
    , event_ids_(workers) {}

std::vector<workload_request>
trace_workload::play(const std::vector<trace_request>& trace,
                     std::uint64_t cycle) {
  std::vector<workload_request> all;
  all.reserve(trace.size());
  for (const trace_request& request : trace) {
    std::vector<std::uint64_t> local;
    local.reserve(request.block_ids.size());
    for (const std::uint64_t id : request.block_ids) {
      append_block_hash({id + (cycle << 32)}, local);
    }
    all.push_back(serve(std::move(local)));
  }
  return all;
}

workload_request trace_workload::serve(std::vector<std::uint64_t> local) {
  const std::size_t worker = served_++ % caches_.size();
  const std::vector<std::uint64_t> names = sequence_hashes(local);
  std::vector<std::uint64_t> gone;
  const std::size_t held = caches_[worker].use(names, gone);
  mix_.looked_up += local.size();
  mix_.removed += gone.size();
  mix_.stored += names.size() - held;
  workload_request made{{worker, 0}, std::move(local), {}};
  const auto add = [&](auto data) {
    made.events.push_back({++event_ids_[worker], std::move(data), 0});
    ++mix_.events;
  };
  if (!gone.empty()) {
    add(kv_removed{std::move(gone)});
  }
  if (held < names.size()) {
    kv_stored stored;
    if (held > 0) {
      stored.parent_hash = names[held - 1];
    }
    for (std::size_t at = held; at < names.size(); ++at) {
      stored.blocks.push_back({names[at], made.local[at], {}});
    }
    add(std::move(stored));
  }
  return made;
}

std::vector<std::pair<std::uint64_t, std::uint32_t>>
trace_workload::expected(const std::vector<std::uint64_t>& local) const {
  const std::vector<std::uint64_t> names = sequence_hashes(local);
  std::vector<std::pair<std::uint64_t, std::uint32_t>> rows;
  for (std::size_t worker = 0; worker < caches_.size(); ++worker) {
    if (const std::size_t blocks = caches_[worker].leading(names); blocks > 0) {
      rows.emplace_back(worker, static_cast<std::uint32_t>(blocks));
    }
  }
  return rows;
}

std::uint64_t trace_workload::pairs() const {
  std::uint64_t blocks = 0;
  for (const cache& one : caches_) {
    blocks += one.size();
  }
  return blocks;
}

} // namespace dynamo::apps
