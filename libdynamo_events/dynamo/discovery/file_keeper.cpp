#include "dynamo/discovery/file_keeper.hpp"

namespace dynamo {

file_keeper::file_keeper(const file_store& store, const file_timing& timing,
                         const notice_sink& notice)
    : store_(store)
    , timing_(timing)
    , notice_(notice) {}

status file_keeper::advertise(const record& value, const file_moment& now) {
  if (auto checked = check_record(value); !checked) {
    return checked;
  }
  auto name = file_name_of(key_of(value));
  if (!name) {
    return name.error();
  }
  const place at{bucket_of(value), *std::move(name)};
  std::string text = to_json(value);
  if (const auto known = files_.find(at); known != files_.end()) {
    if (known->second.text == text) {
      return keep(at, known->second);
    }
    if (is_foreign(at, known->second)) {
      return taken(at);
    }
    known->second.text = std::move(text);
    return put_again(at, known->second);
  }
  file owned;
  owned.text = std::move(text);
  const status done = put(at, owned, now);
  if (done) {
    files_.emplace(at, std::move(owned));
  }
  return done;
}

status file_keeper::withdraw(const record& value) {
  const auto name = file_name_of(key_of(value));
  const auto known =
      name ? files_.find({bucket_of(value), *name}) : files_.end();
  if (known == files_.end()) {
    return error{errc::not_found,
                 "withdraw: no record of ours under " + key_of(value)};
  }
  const auto [where, file_name] = known->first;
  const auto text = store_.read(where, file_name);
  const bool foreign = text && *text != known->second.text;
  files_.erase(known);
  if (foreign) {
    return ok();
  }
  const status removed = store_.remove(where, file_name);
  const bool gone = removed || removed.error().code == errc::not_found;
  return gone ? ok() : removed;
}

void file_keeper::withdraw_all() {
  for (const auto& [at, owned] : files_) {
    const auto text = store_.read(at.first, at.second);
    if (text && *text == owned.text) {
      // What cannot be removed expires.
      static_cast<void>(store_.remove(at.first, at.second));
    }
  }
  files_.clear();
}

void file_keeper::keep_alive() {
  for (auto& [at, owned] : files_) {
    const status kept = keep(at, owned);
    if (!kept && !owned.told) {
      notice_("file discovery: cannot keep a record: " +
              to_string(kept.error()));
    }
    owned.told = !kept;
  }
}

bool file_keeper::owns(bucket where, const std::string& name) const {
  return files_.contains({where, name});
}

status file_keeper::put(const place& at, file& owned, const file_moment& now) {
  const auto& [where, name] = at;
  status created = store_.create(where, name, owned.text);
  if (!created && created.error().code == errc::unavailable) {
    if (auto made = store_.make_directory(where); !made) {
      return made;
    }
    created = store_.create(where, name, owned.text);
  }
  if (!created && created.error().code == errc::exists) {
    created = take_over(at, owned, now);
  }
  return created ? touch(at, owned) : created;
}

/// A dead process's file may stand under a key that does not change from run to
/// run, such as a worker's endpoint.
status file_keeper::take_over(const place& at, const file& owned,
                              const file_moment& now) {
  const auto& [where, name] = at;
  const auto stamp = store_.stamp_of(where, name);
  if (!stamp) {
    return store_.create(where, name, owned.text);
  }
  const auto text = store_.read(where, name);
  if (text && *text == owned.text) {
    return ok();
  }
  const bool expired = now.wall - stamp->modified > timing_.lifetime;
  const bool spoiled = text && !filed_record_from(where, name, *text);
  if (expired || spoiled) {
    return store_.replace(where, name, owned.text);
  }
  return taken(at);
}

status file_keeper::keep(const place& at, file& owned) {
  const auto& [where, name] = at;
  const auto stamp = store_.stamp_of(where, name);
  if (stamp && *stamp == owned.stamp) {
    return touch(at, owned);
  }
  if (stamp) {
    const auto text = store_.read(where, name);
    if (text && *text == owned.text) {
      return touch(at, owned);
    }
    if (is_foreign(at, owned)) {
      return taken(at);
    }
  }
  const status done = put_again(at, owned);
  republished_ += done ? 1 : 0;
  return done;
}

status file_keeper::put_again(const place& at, file& owned) {
  const auto& [where, name] = at;
  const bool vanished = !store_.stamp_of(where, name);
  const status done = vanished ? store_.create(where, name, owned.text)
                               : store_.replace(where, name, owned.text);
  return done ? touch(at, owned) : done;
}

/// Whether another process has put its own record under the key of ours. To
/// fight for the name would help nobody; what is no record fights not.
bool file_keeper::is_foreign(const place& at, const file& owned) const {
  const auto text = store_.read(at.first, at.second);
  return text && *text != owned.text &&
         filed_record_from(at.first, at.second, *text);
}

error file_keeper::taken(const place& at) const {
  return {errc::exists, "another process has " + store_.directory_of(at.first) +
                            '/' + at.second};
}

status file_keeper::touch(const place& at, file& owned) {
  const auto stamp = store_.touch(at.first, at.second);
  if (!stamp) {
    return stamp.error();
  }
  owned.stamp = *stamp;
  return ok();
}

} // namespace dynamo
