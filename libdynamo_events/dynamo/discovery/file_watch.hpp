#pragma once

#include "dynamo/base/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dynamo {

/// What the system tells of a watched directory.
struct file_notice {
  enum class kind {
    /// A file got its name, or was written.
    changed,
    /// A file lost its name.
    gone,
    /// The directory itself is gone, or has moved; it is watched no more.
    directory_lost,
  };

  kind what = kind::changed;
  std::string directory;
  /// Empty for directory_lost.
  std::string name;
};

/// Notices read at a time.
struct file_notices {
  std::vector<file_notice> items;
  /// The system dropped notices: anything may have changed.
  bool overflowed = false;
};

/// Notices of changes in directories (inotify). Touching a file is no change.
class file_watch {
 public:
  /// Without notices when the system has none to give; reason() says why.
  file_watch();
  ~file_watch();
  file_watch(const file_watch&) = delete;
  file_watch& operator=(const file_watch&) = delete;

  /// Readable when there are notices; -1 without notices.
  int descriptor() const { return fd_; }
  const std::string& reason() const { return reason_; }

  /// Watches a directory, also when another of that path was watched before;
  /// with its files, or only whether it is still there. errc::unavailable when
  /// there is no such directory, errc::io when the system gives no notices.
  status add(const std::string& directory, bool with_files);
  void remove(const std::string& directory);

  /// Takes what has been told so far; never waits. Temporary files are left
  /// out.
  file_notices take();

 private:
  std::optional<file_notice> notice_of(int id, std::uint32_t mask,
                                       std::string name);

  int fd_ = -1;
  std::string reason_;
  std::map<int, std::string> directories_;
};

} // namespace dynamo
