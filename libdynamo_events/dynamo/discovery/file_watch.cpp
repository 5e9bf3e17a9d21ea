#include "dynamo/discovery/file_watch.hpp"

#include "dynamo/discovery/file_store.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/inotify.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dynamo {

namespace {

/// IN_MODIFY instead of IN_CLOSE_WRITE: Dynamo touches by opening and closing.
constexpr std::uint32_t of_files =
    IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_DELETE | IN_MOVED_FROM;
constexpr std::uint32_t of_directory =
    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

/// What comes faster than it is read must not hold up the rest.
constexpr int reads_max = 64;

constexpr std::uint32_t lost =
    IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

std::string reason_of(int number) {
  return std::generic_category().message(number);
}

} // namespace

file_watch::file_watch()
    : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (fd_ < 0) {
    reason_ = "inotify: " + reason_of(errno);
  }
}

file_watch::~file_watch() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

status file_watch::add(const std::string& directory, bool with_files) {
  if (fd_ < 0) {
    return error{errc::io, reason_};
  }
  remove(directory);
  const std::uint32_t wanted = of_directory | (with_files ? of_files : 0);
  const int id = ::inotify_add_watch(fd_, directory.c_str(), wanted);
  if (id < 0) {
    const int number = errno;
    const bool exhausted = number == ENOSPC || number == ENOMEM;
    return error{exhausted ? errc::io : errc::unavailable,
                 "watch " + directory + ": " + reason_of(number)};
  }
  directories_.insert_or_assign(id, directory);
  return ok();
}

void file_watch::remove(const std::string& directory) {
  for (auto known = directories_.begin(); known != directories_.end();) {
    if (known->second == directory) {
      ::inotify_rm_watch(fd_, known->first);
      known = directories_.erase(known);
    } else {
      ++known;
    }
  }
}

file_notices file_watch::take() {
  file_notices taken;
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  for (int reads = 0; fd_ >= 0 && reads < reads_max; ++reads) {
    const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
    if (count <= 0) {
      break;
    }
    const char* at = buffer.data();
    const char* const end = at + count;
    while (at < end) {
      inotify_event event{};
      std::memcpy(&event, at, sizeof(event));
      const char* const name = at + sizeof(event);
      at = name + event.len;
      taken.overflowed = taken.overflowed || (event.mask & IN_Q_OVERFLOW) != 0;
      if (auto notice =
              notice_of(event.wd, event.mask, event.len > 0 ? name : "")) {
        taken.items.push_back(*std::move(notice));
      }
    }
  }
  return taken;
}

std::optional<file_notice> file_watch::notice_of(int id, std::uint32_t mask,
                                                 std::string name) {
  using kind = file_notice::kind;
  const auto known = directories_.find(id);
  if (known == directories_.end()) {
    return std::nullopt;
  }
  if ((mask & lost) != 0) {
    file_notice notice{kind::directory_lost, known->second, {}};
    ::inotify_rm_watch(fd_, id);
    directories_.erase(known);
    return notice;
  }
  if (name.empty() || is_temporary_file(name)) {
    return std::nullopt;
  }
  const bool gone = (mask & (IN_DELETE | IN_MOVED_FROM)) != 0;
  return file_notice{gone ? kind::gone : kind::changed, known->second,
                     std::move(name)};
}

} // namespace dynamo
