#include "dynamo/discovery/file_store.hpp"

#include "dynamo/base/ids.hpp"
#include "dynamo/base/percent.hpp"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dynamo {

namespace {

constexpr std::string_view temporary_prefix = ".tmp_";

/// Dynamo's limit for temporary names that are taken.
constexpr int attempts_max = 16;

class descriptor {
 public:
  explicit descriptor(int fd)
      : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  explicit operator bool() const { return fd_ >= 0; }
  int operator*() const { return fd_; }

 private:
  int fd_;
};

/// The failure that errno names.
error failure(std::string_view what, std::string_view path,
              int number = errno) {
  errc code = errc::io;
  if (number == ENOENT || number == ENOTDIR) {
    code = errc::not_found;
  } else if (number == EEXIST) {
    code = errc::exists;
  }
  std::string message{what};
  message.append(" ").append(path).append(": ");
  return {code, message + std::generic_category().message(number)};
}

file_stamp stamp_from(const struct stat& found) {
  using std::chrono::duration_cast;
  using clock = std::chrono::system_clock;
  const auto since = std::chrono::seconds{found.st_mtim.tv_sec} +
                     std::chrono::nanoseconds{found.st_mtim.tv_nsec};
  file_stamp stamp;
  stamp.inode = found.st_ino;
  stamp.size_bytes = found.st_size;
  stamp.modified = clock::time_point{duration_cast<clock::duration>(since)};
  stamp.regular = S_ISREG(found.st_mode);
  return stamp;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno != EINTR) {
      return false;
    }
    text.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  return true;
}

bool read_up_to(int fd, std::string& text, std::size_t size_bytes) {
  text.resize(size_bytes);
  std::size_t filled = 0;
  while (filled < size_bytes) {
    const ssize_t count = ::read(fd, text.data() + filled, size_bytes - filled);
    if (count < 0 && errno != EINTR) {
      return false;
    }
    if (count == 0) {
      break;
    }
    filled += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  text.resize(filled);
  return true;
}

std::string temporary_name() {
  const std::string digits = id_to_hex(random_u64());
  return std::string{temporary_prefix} + std::string(16 - digits.size(), '0') +
         digits;
}

} // namespace

result<std::string> file_name_of(std::string_view key) {
  std::string name = percent_encode(key, percent_keep::alphanumeric);
  if (name.size() > NAME_MAX) {
    return error{errc::too_large,
                 "file name of " + std::string{key} +
                     ": expected at most 255 bytes once encoded, got " +
                     std::to_string(name.size()) +
                     "; shorten the namespace, component, endpoint or topic"};
  }
  return name;
}

bool is_temporary_file(std::string_view name) {
  return name.starts_with(temporary_prefix);
}

result<filed_record> filed_record_from(bucket where, std::string_view name,
                                       std::string_view text) {
  auto key = percent_decode(name);
  if (!key || percent_encode(*key, percent_keep::alphanumeric) != name ||
      !is_key(where, *key)) {
    return error{errc::malformed, "file name: expected an encoded key"};
  }
  auto value = record_from_json(text);
  if (!value) {
    return value.error();
  }
  if (bucket_of(*value) != where || !is_key_of(*key, *value)) {
    return error{errc::malformed, "record: expected the one that its file "
                                  "name tells, got " +
                                      key_of(*value)};
  }
  return filed_record{*std::move(key), *std::move(value)};
}

file_store::file_store(std::string root, std::size_t record_bytes_max,
                       file_publishing publishing)
    : root_(std::move(root))
    , record_bytes_max_(record_bytes_max)
    , publishing_(publishing) {}

std::string file_store::directory_of(bucket where) const {
  return root_ + '/' + std::string{path_of(where)};
}

std::string file_store::path_of_file(bucket where,
                                     std::string_view name) const {
  return directory_of(where) + '/' + std::string{name};
}

status file_store::make_directory(bucket where) const {
  std::error_code reason;
  const std::string path = directory_of(where);
  std::filesystem::create_directories(path, reason);
  if (reason) {
    return error{errc::unavailable,
                 "make directory " + path + ": " + reason.message()};
  }
  return ok();
}

result<std::vector<file_entry>> file_store::entries(bucket where) const {
  const std::string path = directory_of(where);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(path.c_str()),
                                                      ::closedir};
  if (!directory) {
    return error{errc::unavailable, failure("list", path).message};
  }
  std::vector<file_entry> found;
  while (true) {
    errno = 0;
    // The stream is this function's own, so the plain call is safe.
    const dirent* const entry =
        ::readdir(directory.get()); // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr) {
      break;
    }
    const char* const name = entry->d_name;
    const std::string_view text{name};
    struct stat facts {};
    if (text == "." || text == ".." ||
        ::fstatat(::dirfd(directory.get()), name, &facts,
                  AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    found.push_back({name, stamp_from(facts)});
  }
  if (errno != 0) {
    return error{errc::unavailable, failure("list", path).message};
  }
  return found;
}

result<file_stamp> file_store::stamp_of(bucket where,
                                        const std::string& name) const {
  const std::string path = path_of_file(where, name);
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    return failure("look at", path);
  }
  return stamp_from(facts);
}

result<std::string> file_store::read(bucket where,
                                     const std::string& name) const {
  const std::string path = path_of_file(where, name);
  // Neither links are followed nor pipes waited for.
  const descriptor file{::open(
      path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  struct stat facts {};
  if (!file || ::fstat(*file, &facts) != 0) {
    return errno == ELOOP
               ? error{errc::unsupported, "read " + path + ": a symbolic link"}
               : failure("read", path);
  }
  if (!S_ISREG(facts.st_mode)) {
    return error{errc::unsupported, "read " + path + ": no regular file"};
  }
  std::string text;
  // One byte more, since the file may have grown.
  const auto size_bytes = static_cast<std::size_t>(facts.st_size);
  if (!read_up_to(*file, text, std::min(size_bytes, record_bytes_max_) + 1)) {
    return failure("read", path);
  }
  if (text.size() > record_bytes_max_) {
    return error{errc::too_large, "read " + path + ": expected at most " +
                                      std::to_string(record_bytes_max_) +
                                      " bytes"};
  }
  return text;
}

status file_store::create(bucket where, const std::string& name,
                          std::string_view text) const {
  const std::string target = path_of_file(where, name);
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto temporary = write_temporary(where, text);
    if (!temporary) {
      return temporary.error();
    }
    const status published = link_or_rename(*temporary, target);
    ::unlink(temporary->c_str());
    if (published || published.error().code != errc::not_found) {
      return published;
    }
    // A peer took the temporary file for an abandoned one: once more.
  }
  return error{errc::unavailable,
               "publish " + target + ": temporary files vanish"};
}

status file_store::replace(bucket where, const std::string& name,
                           std::string_view text) const {
  const auto temporary = write_temporary(where, text);
  if (!temporary) {
    return temporary.error();
  }
  const std::string target = path_of_file(where, name);
  if (::rename(temporary->c_str(), target.c_str()) != 0) {
    const error reason = failure("publish", target);
    ::unlink(temporary->c_str());
    return reason;
  }
  return ok();
}

result<std::string> file_store::write_temporary(bucket where,
                                                std::string_view text) const {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    std::string path = path_of_file(where, temporary_name());
    const descriptor file{
        ::open(path.c_str(),
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666)};
    if (!file && errno == EEXIST) {
      continue;
    }
    if (!file) {
      const int reason = errno;
      error refused = failure("write", path);
      refused.code = reason == ENOENT ? errc::unavailable : errc::io;
      return refused;
    }
    if (!write_all(*file, text)) {
      const error reason = failure("write", path);
      ::unlink(path.c_str());
      return reason;
    }
    return path;
  }
  return error{errc::io, "write: every temporary name is taken in " +
                             directory_of(where)};
}

status file_store::link_or_rename(const std::string& from,
                                  const std::string& to) const {
  if (publishing_ == file_publishing::link) {
    if (::link(from.c_str(), to.c_str()) == 0) {
      return ok();
    }
    if (errno == EEXIST || errno == ENOENT) {
      return failure("publish", to);
    }
  }
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                  RENAME_NOREPLACE) == 0) {
    return ok();
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return failure("publish", to);
  }
  // A file system that cannot even refuse to replace: look before.
  if (::access(to.c_str(), F_OK) == 0) {
    return failure("publish", to, EEXIST);
  }
  return ::rename(from.c_str(), to.c_str()) == 0 ? ok()
                                                 : failure("publish", to);
}

result<file_stamp> file_store::touch(bucket where,
                                     const std::string& name) const {
  const std::string path = path_of_file(where, name);
  // By path: peers get one notice, not three.
  const std::array<timespec, 2> now{{{0, UTIME_NOW}, {0, UTIME_NOW}}};
  if (::utimensat(AT_FDCWD, path.c_str(), now.data(), AT_SYMLINK_NOFOLLOW) !=
      0) {
    return failure("touch", path);
  }
  return stamp_of(where, name);
}

status file_store::remove(bucket where, const std::string& name) const {
  const std::string path = path_of_file(where, name);
  return ::unlink(path.c_str()) == 0 ? ok() : failure("remove", path);
}

} // namespace dynamo
