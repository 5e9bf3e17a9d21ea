#include "dynamo/discovery/etcd_keeper.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// After an answer that promises nothing better at once.
constexpr std::chrono::milliseconds retry_delay{200};

std::string full_key_of(const record& value) {
  return std::string{path_of(bucket_of(value))} + '/' + key_of(value);
}

/// Whether it is a record of that key. What is none belongs to nobody.
bool is_record(std::string_view key, std::string_view text) {
  const auto value = record_from_json(text);
  return value && full_key_of(*value) == key;
}

} // namespace

etcd_keeper::etcd_keeper(etcd_client& client, etcd_lease& lease,
                         const etcd_timing& timing, const notice_sink& notice)
    : client_(client)
    , lease_(lease)
    , timing_(timing)
    , notice_(notice) {}

void etcd_keeper::advertise(const record& value, clock_time now,
                            done_sink done) {
  if (auto checked = check_record(value); !checked) {
    done(checked);
    return;
  }
  const std::string key = full_key_of(value);
  std::string text = to_json(value);
  entry& one = entries_[key];
  if (one.is == standing::kept && one.value == text) {
    done(ok());
    return;
  }
  one.value = std::move(text);
  one.waiters.push_back({std::move(done), now + timing_.answer});
  want(key, one, standing::wanted);
}

void etcd_keeper::withdraw(const record& value, clock_time now,
                           done_sink done) {
  const std::string key = full_key_of(value);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.is == standing::unwanted) {
    done(error{errc::not_found, "withdraw: no record of ours under " + key});
    return;
  }
  entry& one = found->second;
  tell(one, error{errc::closed, key + " was withdrawn"});
  const bool is_nowhere = !one.was_sent || one.is == standing::refused;
  if (is_nowhere && !one.busy) {
    pending_.erase(key);
    entries_.erase(found);
    done(ok());
    return;
  }
  one.waiters.push_back({std::move(done), now + timing_.answer});
  want(key, one, standing::unwanted);
}

void etcd_keeper::want(const std::string& key, entry& one, standing is) {
  one.is = is;
  one.overtaken = one.busy;
  if (!one.busy) {
    pending_.insert(key);
  }
}

// -- Doing it

void etcd_keeper::turn(clock_time now) {
  if (seen_grants_ != lease_.grants()) {
    seen_grants_ = lease_.grants();
    for (auto& [key, one] : entries_) {
      if (one.is == standing::kept) {
        lose(key, one);
      }
    }
  }
  if (client_.is_ready() && seen_connection_ != client_.connection()) {
    seen_connection_ = client_.connection();
    retry_at_ = now;
    check();
  }
  if (client_.is_ready() && lease_.id() != 0 && now >= retry_at_) {
    while (in_flight_ < timing_.in_flight_max && !pending_.empty() &&
           client_.is_ready()) {
      const std::string key = *pending_.begin();
      pending_.erase(pending_.begin());
      start(key, entries_.at(key));
    }
  }
  tell_late(now);
}

etcd_keeper::clock_time etcd_keeper::due() const {
  clock_time next = clock_time::max();
  if (!pending_.empty() && in_flight_ < timing_.in_flight_max &&
      client_.is_ready() && lease_.id() != 0) {
    next = retry_at_;
  }
  for (const auto& [key, one] : entries_) {
    for (const waiter& each : one.waiters) {
      next = std::min(next, each.deadline);
    }
  }
  return next;
}

void etcd_keeper::start(const std::string& key, entry& one) {
  one.busy = true;
  one.overtaken = false;
  ++in_flight_;
  if (one.is == standing::unwanted) {
    remove(key);
  } else {
    put(key, one);
  }
}

/// Creates the key, or replaces what was found there; if it is not as expected,
/// what is there comes back.
void etcd_keeper::put(const std::string& key, entry& one) {
  one.was_sent = true;
  etcd_txn_request request;
  if (one.replace == 0) {
    request.conditions.push_back(
        {.is = etcd_condition::kind::absent, .key = key});
  } else {
    request.conditions.push_back({.is = etcd_condition::kind::unchanged,
                                  .key = key,
                                  .mod_revision = one.replace});
  }
  request.success.push_back({.is = etcd_operation::kind::put,
                             .key = key,
                             .value = one.value,
                             .lease = lease_.id()});
  request.failure.push_back({.is = etcd_operation::kind::range, .key = key});
  client_.ask(etcd_method::txn, encode(request),
              [this, key](const etcd_answer& got) { on_put(key, got); });
}

void etcd_keeper::remove(const std::string& key) {
  etcd_txn_request request;
  request.conditions.push_back({.is = etcd_condition::kind::has_lease,
                                .key = key,
                                .lease = lease_.id()});
  request.success.push_back({.is = etcd_operation::kind::remove, .key = key});
  client_.ask(etcd_method::txn, encode(request),
              [this, key](const etcd_answer& got) { on_removed(key, got); });
}

void etcd_keeper::on_put(const std::string& key, const etcd_answer& answer) {
  --in_flight_;
  entry& one = entries_.at(key);
  one.busy = false;
  const auto now = std::chrono::steady_clock::now();
  if (!answer.is_ok()) {
    const bool has_no_lease =
        answer.end.answered && answer.end.code == grpc_code::not_found;
    if (has_no_lease) {
      lease_.doubt();
    }
    if (has_no_lease || answer.is_temporary() || one.overtaken) {
      pending_.insert(key);
      retry_at_ = now + retry_delay;
    } else {
      refuse(key, to_error(answer, key));
    }
    return;
  }
  const auto response = decode_txn(answer.message);
  if (!response) {
    refuse(key, response.error());
    return;
  }
  one.replace = 0;
  if (one.overtaken) {
    // Whatever is there now, the next operation finds it.
    pending_.insert(key);
  } else if (response->succeeded) {
    keep(one, response->revision);
  } else if (response->found.empty()) {
    pending_.insert(key);
  } else {
    judge(key, response->found.front());
  }
}

/// Something stands there already.
void etcd_keeper::judge(const std::string& key, const etcd_key_value& there) {
  entry& one = entries_.at(key);
  const bool is_equal = there.value == one.value;
  if (is_equal && there.lease == lease_.id()) {
    keep(one, there.mod_revision);
    return;
  }
  // What has no lease is kept alive by nobody, and what is exactly ours was put
  // by a process that knew us well: ourselves, before.
  if (is_equal || there.lease == 0 || lease_.is_ours(there.lease) ||
      !is_record(key, there.value)) {
    one.replace = there.mod_revision;
    pending_.insert(key);
    return;
  }
  refuse(key, {errc::exists,
               "another process has " + key + ", under lease " +
                   id_to_hex(static_cast<std::uint64_t>(there.lease))});
}

void etcd_keeper::keep(entry& one, std::int64_t revision) {
  one.is = standing::kept;
  one.revision = revision;
  one.was_kept = true;
  one.told.clear();
  if (std::exchange(one.lost, false)) {
    ++republished_;
  }
  tell(one, ok());
}

/// A record that never was there is not kept on the list against the will of
/// the server; one that was is looked at again with every check.
void etcd_keeper::refuse(const std::string& key, const error& reason) {
  entry& one = entries_.at(key);
  one.is = standing::refused;
  tell(one, reason);
  if (!one.was_kept) {
    entries_.erase(key);
    return;
  }
  if (std::exchange(one.told, reason.message) != reason.message) {
    notice_("etcd discovery: cannot keep a record: " + to_string(reason));
  }
}

void etcd_keeper::on_removed(const std::string& key,
                             const etcd_answer& answer) {
  --in_flight_;
  entry& one = entries_.at(key);
  one.busy = false;
  if (one.overtaken) {
    pending_.insert(key);
    return;
  }
  if (answer.is_temporary()) {
    pending_.insert(key);
    retry_at_ = std::chrono::steady_clock::now() + retry_delay;
    return;
  }
  tell(one, answer.is_ok() ? ok() : status{to_error(answer, key)});
  entries_.erase(key);
}

// -- Those who wait

void etcd_keeper::tell(entry& one, const status& outcome) {
  for (const waiter& each : std::exchange(one.waiters, {})) {
    each.done(outcome);
  }
}

void etcd_keeper::tell_late(clock_time now) {
  const bool is_away = !client_.is_ready() && !client_.outage().empty();
  for (auto& [key, one] : entries_) {
    const auto late = std::stable_partition(
        one.waiters.begin(), one.waiters.end(),
        [&](const waiter& each) { return now < each.deadline && !is_away; });
    if (late == one.waiters.end()) {
      continue;
    }
    const std::vector<waiter> told{late, one.waiters.end()};
    one.waiters.erase(late, one.waiters.end());
    const error reason{
        errc::unavailable,
        key +
            (one.is == standing::unwanted
                 ? " will be removed when etcd answers again"
                 : " is not registered yet; it will be when etcd answers") +
            (is_away ? ": " + client_.outage() : std::string{})};
    for (const waiter& each : told) {
      each.done(reason);
    }
  }
}

void etcd_keeper::close() {
  for (auto& [key, one] : entries_) {
    tell(one, error{errc::closed, "discovery is closed"});
  }
}

std::uint64_t etcd_keeper::owned() const {
  return static_cast<std::uint64_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const auto& each) {
        return each.second.is != standing::unwanted && each.second.was_kept;
      }));
}

} // namespace dynamo
