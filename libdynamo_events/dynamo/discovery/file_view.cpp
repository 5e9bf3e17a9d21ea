#include "dynamo/discovery/file_view.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// Bad files beyond this many are counted, but no longer named.
constexpr std::uint64_t named_max = 1000;

} // namespace

file_view::file_view(const file_store& store, const file_timing& timing,
                     const notice_sink& notice, bucket where)
    : store_(store)
    , timing_(timing)
    , notice_(notice)
    , where_(where) {}

std::vector<std::string> file_view::scan(const std::vector<file_entry>& entries,
                                         const file_moment& now) {
  std::vector<std::string> differing;
  for (auto& [name, known] : files_) {
    known.in_scan = false;
  }
  for (const file_entry& entry : entries) {
    if (!is_temporary_file(entry.name) &&
        consider(entry, now, judgement::strict)) {
      differing.push_back(entry.name);
    }
  }
  std::vector<std::string> missing;
  for (const auto& [name, known] : files_) {
    if (!known.in_scan && !known.carried && !known.vanished) {
      missing.push_back(name);
    }
  }
  for (const std::string& name : missing) {
    if (!files_.at(name).key.empty()) {
      differing.push_back(name);
    }
    vanished(name, now);
  }
  scanned_ = true;
  settle(now);
  return differing;
}

void file_view::changed(const std::string& name, const file_moment& now) {
  const auto stamp = store_.stamp_of(where_, name);
  if (!stamp) {
    vanished(name, now);
    return;
  }
  const auto known = files_.find(name);
  if (known != files_.end()) {
    // Written again within the clock's resolution, the stamp may be the same.
    known->second.judged = false;
  }
  consider({name, *stamp}, now, judgement::lenient);
}

void file_view::vanished(const std::string& name, const file_moment& now) {
  const auto known = files_.find(name);
  if (known == files_.end() || known->second.carried) {
    return;
  }
  if (known->second.key.empty()) {
    files_.erase(known);
    return;
  }
  known->second.vanished = true;
  last_vanished_ = now.steady;
  if (!first_vanished_) {
    first_vanished_ = now.steady;
  }
}

void file_view::lose(const std::string& reason) {
  std::erase_if(files_, [](const auto& f) { return f.second.key.empty(); });
  for (auto& [name, known] : files_) {
    known.carried = true;
    known.vanished = false;
    known.judged = false;
  }
  lost_ = true;
  scanned_ = false;
  first_vanished_.reset();
  carried_until_.reset();
  picture_.become_stale(reason);
}

void file_view::regain(const file_moment& now) {
  lost_ = false;
  carried_until_ = now.steady + timing_.lifetime;
}

void file_view::settle(const file_moment& now) {
  if (lost_) {
    return;
  }
  settle_vanished(now);
  settle_carried(now);
}

std::optional<std::chrono::steady_clock::time_point> file_view::due() const {
  auto next = carried_until_;
  if (first_vanished_) {
    const auto settled = std::min(last_vanished_ + timing_.settle,
                                  *first_vanished_ + timing_.settle_max);
    next = next ? std::min(*next, settled) : settled;
  }
  return next;
}

std::vector<found_record> file_view::list(const file_moment& now) const {
  std::vector<found_record> found;
  for (const auto& [name, known] : files_) {
    const auto entry = picture_.records().find(known.key);
    if (known.carried || known.vanished || expired(known.stamp, now) ||
        entry == picture_.records().end()) {
      continue;
    }
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(
        now.wall - known.stamp.modified);
    found.push_back({where_, known.key, entry->second.value,
                     std::max(age, std::chrono::milliseconds{0})});
  }
  return found;
}

bool file_view::consider(const file_entry& entry, const file_moment& now,
                         judgement strictness) {
  if (!has_room(entry.name)) {
    return false;
  }
  file& known = files_[entry.name];
  known.in_scan = true;
  const bool returned = std::exchange(known.vanished, false);
  known.carried = false;
  if (known.judged && known.stamp == entry.stamp) {
    return false;
  }
  known.stamp = entry.stamp;
  known.judged = false;
  if (known.key.empty() && expired(entry.stamp, now)) {
    return false;
  }
  // Not even a scan judges a file that may be being written just now.
  if (now.wall - entry.stamp.modified < timing_.settle) {
    strictness = judgement::lenient;
  }
  return read(entry.name, known, strictness) && !returned;
}

bool file_view::read(const std::string& name, file& known,
                     judgement strictness) {
  const auto text = store_.read(where_, name);
  auto found = text ? filed_record_from(where_, name, *text)
                    : result<filed_record>{text.error()};
  if (!found) {
    // A file that is gone again is told of by the next notice or scan.
    if (strictness == judgement::strict &&
        found.error().code != errc::not_found) {
      call_bad(name, known, found.error());
    }
    return false;
  }
  known.judged = true;
  known.bad = false;
  known.key = found->key;
  return picture_.put(found->key, std::move(found->value));
}

void file_view::call_bad(const std::string& name, file& known,
                         const error& reason) {
  known.judged = true;
  if (std::exchange(known.bad, true)) {
    return;
  }
  ++bad_records_;
  if (++named_ <= named_max) {
    notice_("file discovery: skipped " + store_.directory_of(where_) + '/' +
            name + ": " + to_string(reason));
  } else if (named_ == named_max + 1) {
    notice_("file discovery: further bad files are counted only");
  }
}

void file_view::drop(const std::string& name) {
  const auto known = files_.find(name);
  picture_.erase(known->second.key);
  files_.erase(known);
}

bool file_view::has_room(const std::string& name) {
  if (files_.size() < files_max || files_.contains(name)) {
    return true;
  }
  if (!std::exchange(told_full_, true)) {
    notice_("file discovery: " + store_.directory_of(where_) +
            ": expected at most " + std::to_string(files_max) +
            " files, the others are ignored");
  }
  return false;
}

void file_view::settle_vanished(const file_moment& now) {
  if (!first_vanished_ ||
      now.steady < std::min(last_vanished_ + timing_.settle,
                            *first_vanished_ + timing_.settle_max)) {
    return;
  }
  first_vanished_.reset();
  std::vector<std::string> names;
  for (const auto& [name, known] : files_) {
    if (known.vanished) {
      names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    if (const auto stamp = store_.stamp_of(where_, name)) {
      consider({name, *stamp}, now, judgement::lenient);
    } else {
      drop(name);
    }
  }
}

void file_view::settle_carried(const file_moment& now) {
  if (!scanned_ || !carried_until_) {
    return;
  }
  std::vector<std::string> names;
  for (const auto& [name, known] : files_) {
    if (known.carried) {
      names.push_back(name);
    }
  }
  if (!names.empty() && now.steady < *carried_until_) {
    return;
  }
  for (const std::string& name : names) {
    drop(name);
  }
  carried_until_.reset();
  picture_.become_complete();
}

bool file_view::expired(const file_stamp& stamp, const file_moment& now) const {
  return now.wall - stamp.modified > timing_.lifetime;
}

} // namespace dynamo
