// What others do to the keys of this process, and how that is found.

#include "dynamo/discovery/etcd_keeper.hpp"

#include <utility>

namespace dynamo {

namespace {

/// Ranges of one transaction; servers take 128 operations unless told
/// otherwise.
constexpr std::size_t checked_at_once = 100;

} // namespace

void etcd_keeper::changed(std::string_view key, std::int64_t revision) {
  const auto found = entries_.find(key);
  if (found != entries_.end() && !found->second.busy &&
      found->second.is == standing::kept && revision > found->second.revision) {
    want(found->first, found->second, standing::wanted);
  }
}

void etcd_keeper::deleted(std::string_view key, std::int64_t revision) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.busy) {
    return;
  }
  entry& one = found->second;
  if (one.is == standing::kept && revision > one.revision) {
    lose(found->first, one);
  } else if (one.is == standing::refused) {
    want(found->first, one, standing::wanted);
  }
}

void etcd_keeper::lose(const std::string& key, entry& one) {
  one.lost = true;
  one.replace = 0;
  want(key, one, standing::wanted);
}

void etcd_keeper::check() {
  std::map<std::string, std::int64_t> revisions;
  for (auto& [key, one] : entries_) {
    if (one.busy) {
      continue;
    }
    if (one.is == standing::refused) {
      want(key, one, standing::wanted);
    } else if (one.is == standing::kept) {
      revisions.emplace(key, one.revision);
    }
    if (revisions.size() == checked_at_once) {
      check_some(std::exchange(revisions, {}));
    }
  }
  if (!revisions.empty()) {
    check_some(std::move(revisions));
  }
}

void etcd_keeper::check_some(std::map<std::string, std::int64_t> revisions) {
  etcd_txn_request request;
  for (const auto& [key, revision] : revisions) {
    request.success.push_back(
        {.is = etcd_operation::kind::range, .key = key, .keys_only = true});
  }
  const auto judged = [this, expected = std::move(revisions)](
                          const etcd_answer& answer) mutable {
    const auto response =
        answer.is_ok()
            ? decode_txn(answer.message)
            : result<etcd_txn_response>{error{errc::unavailable, {}}};
    if (!response) {
      return;
    }
    for (const etcd_key_value& there : response->found) {
      const auto found = expected.find(there.key);
      if (found != expected.end()) {
        differs(there.key, found->second, there.mod_revision);
        expected.erase(found);
      }
    }
    for (const auto& [key, revision] : expected) {
      differs(key, revision, 0);
    }
  };
  client_.ask(etcd_method::txn, encode(request), judged);
}

/// A check found a key with another revision than it had when it was asked
/// for, or none.
void etcd_keeper::differs(const std::string& key, std::int64_t expected,
                          std::int64_t found) {
  const auto ours = entries_.find(key);
  if (found == expected || ours == entries_.end() || ours->second.busy ||
      ours->second.is != standing::kept || ours->second.revision != expected) {
    return;
  }
  if (found == 0) {
    lose(key, ours->second);
  } else {
    want(key, ours->second, standing::wanted);
  }
}

} // namespace dynamo
