#include "dynamo/discovery/file_directory.hpp"

#include <cerrno>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace dynamo {

file_directory::file_directory(const file_store& store, file_watch& watch,
                               const notice_sink& notice, bucket where)
    : store_(store)
    , watch_(watch)
    , notice_(notice)
    , where_(where)
    , path_(store.directory_of(where)) {}

directory_change file_directory::check(const file_moment& now,
                                       std::chrono::milliseconds patience) {
  if (!present_) {
    return search(now, patience);
  }
  const auto found = identify();
  if (!found) {
    return lose(now, found.error().message);
  }
  if (*found != identity_) {
    return lose(now, path_ + ": replaced by another directory");
  }
  if (doubted_) {
    return lose(now, path_ + ": removed or not readable");
  }
  return directory_change::none;
}

void file_directory::watch_files() {
  watches_files_ = true;
  if (!present_) {
    return;
  }
  if (const auto watched = watch();
      !watched && watched.error().code == errc::unavailable) {
    doubt();
  }
}

status file_directory::watch() {
  const status watched = watch_.add(path_, watches_files_);
  if (!watched && watched.error().code != errc::unavailable && watches_files_ &&
      !std::exchange(told_unwatched_, true)) {
    notice_("file discovery: only full scans will find changes: " +
            watched.error().message);
  }
  return watched;
}

result<file_directory::identity> file_directory::identify() const {
  struct stat facts {};
  if (::stat(path_.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode) ||
      ::access(path_.c_str(), R_OK | X_OK) != 0) {
    const int number = errno;
    return error{errc::unavailable,
                 path_ + ": " + std::generic_category().message(number)};
  }
  return identity{facts.st_dev, facts.st_ino};
}

directory_change file_directory::lose(const file_moment& now,
                                      std::string reason) {
  present_ = false;
  doubted_ = false;
  lost_at_ = now.steady;
  reason_ = std::move(reason);
  watch_.remove(path_);
  return directory_change::lost;
}

directory_change file_directory::search(const file_moment& now,
                                        std::chrono::milliseconds patience) {
  doubted_ = false;
  if (!identify() && (!lost_at_ || now.steady - *lost_at_ >= patience)) {
    if (const auto made = store_.make_directory(where_); !made) {
      reason_ = made.error().message;
      return directory_change::none;
    }
  }
  if (const auto watched = watch();
      !watched && watched.error().code == errc::unavailable) {
    reason_ = watched.error().message;
    return directory_change::none;
  }
  // Known only after the watch was set: whatever replaces it from now on has
  // another identity.
  const auto found = identify();
  if (!found) {
    watch_.remove(path_);
    reason_ = found.error().message;
    return directory_change::none;
  }
  identity_ = *found;
  present_ = true;
  return directory_change::found;
}

} // namespace dynamo
