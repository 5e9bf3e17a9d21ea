#pragma once

#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/file_store.hpp"
#include "dynamo/discovery/file_timing.hpp"
#include "dynamo/discovery/file_watch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace dynamo {

/// What became of a directory between two looks.
enum class directory_change { none, found, lost };

/// A bucket's directory, which others may remove, move away and make again at
/// any time. While it is there, it is watched; its files too, once somebody
/// wants to see them.
class file_directory {
 public:
  /// The references outlive this object.
  file_directory(const file_store& store, file_watch& watch,
                 const notice_sink& notice, bucket where);

  /// Looks whether the directory that is watched is still the one that the
  /// path names; when there is none, looks for a new one. One that never was
  /// there is made at once; one that was removed only after `patience`, since
  /// whoever removes it may be still at it.
  directory_change check(const file_moment& now,
                         std::chrono::milliseconds patience);

  /// From now on notices tell of its files too. Whoever calls it has the files
  /// scanned afterwards.
  void watch_files();
  bool watches_files() const { return watches_files_; }

  /// What a notice or a failed listing tells; the next check says so.
  void doubt() { doubted_ = true; }

  bool present() const { return present_; }
  /// Why it is not present.
  const std::string& reason() const { return reason_; }
  const std::string& path() const { return path_; }
  bucket where() const { return where_; }

 private:
  /// Device and inode.
  using identity = std::pair<std::uint64_t, std::uint64_t>;

  result<identity> identify() const;
  directory_change lose(const file_moment& now, std::string reason);
  directory_change search(const file_moment& now,
                          std::chrono::milliseconds patience);
  status watch();

  const file_store& store_;
  file_watch& watch_;
  const notice_sink& notice_;
  const bucket where_;
  const std::string path_;
  bool watches_files_ = false;
  bool present_ = false;
  bool doubted_ = false;
  bool told_unwatched_ = false;
  /// Nothing: it never was there.
  std::optional<std::chrono::steady_clock::time_point> lost_at_;
  identity identity_{};
  std::string reason_;
};

} // namespace dynamo
