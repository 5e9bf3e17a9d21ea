#include "apps/bench/roles/kv_workload.hpp"

#include "apps/bench/roles/word_hash.hpp"
#include "dynamo/router/block_hash.hpp"

namespace dynamo::apps {

namespace {

constexpr std::uint64_t steps_per_request = 2 * kv_workload::chunks;

} // namespace

router_event kv_workload::next() {
  const std::uint64_t request = step_ / steps_per_request;
  const std::uint64_t part = step_ % steps_per_request;
  if (part >= chunks && request < live_requests) {
    step_ = (request + 1) * steps_per_request;
    return next();
  }
  ++step_;
  router_event made;
  made.worker_id = worker_id_;
  made.event.event_id = ++event_id_;
  if (part < chunks) {
    made.event.data = stored(request, part);
  } else {
    made.event.data =
        removed(request - live_requests, steps_per_request - 1 - part);
  }
  return made;
}

std::vector<std::uint64_t>
kv_workload::local_hashes(std::uint64_t request) const {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t block = 0; block < chunks * blocks_; ++block) {
    const bool is_shared = block < chunks / 2 * blocks_;
    append_block_hash({request, block, is_shared ? 0 : number_ + 1}, hashes);
  }
  return hashes;
}

std::vector<std::uint64_t> kv_workload::whole_requests() const {
  const std::uint64_t request = step_ / steps_per_request;
  const std::uint64_t part = step_ % steps_per_request;
  const std::uint64_t end = part >= chunks ? request + 1 : request;
  std::uint64_t first = request > live_requests ? request - live_requests : 0;
  if (part > chunks && request >= live_requests) {
    first = request - live_requests + 1;
  }
  std::vector<std::uint64_t> whole;
  for (std::uint64_t one = first; one < end; ++one) {
    whole.push_back(one);
  }
  return whole;
}

const kv_workload::chain& kv_workload::chain_of(std::uint64_t request,
                                                chain& last) const {
  if (last.request != request) {
    last.request = request;
    last.local = local_hashes(request);
    last.names = sequence_hashes(last.local);
  }
  return last;
}

kv_stored kv_workload::stored(std::uint64_t request, std::uint64_t chunk) {
  const chain& of = chain_of(request, last_stored_);
  kv_stored event;
  const std::uint64_t first = chunk * blocks_;
  if (first > 0) {
    event.parent_hash = of.names[first - 1];
  }
  for (std::uint64_t at = first; at < first + blocks_; ++at) {
    event.blocks.push_back({of.names[at], of.local[at], {}});
  }
  return event;
}

kv_removed kv_workload::removed(std::uint64_t request, std::uint64_t chunk) {
  const auto& names = chain_of(request, last_removed_).names;
  const auto first =
      names.begin() + static_cast<std::ptrdiff_t>(chunk * blocks_);
  return {{first, first + static_cast<std::ptrdiff_t>(blocks_)}};
}

} // namespace dynamo::apps
