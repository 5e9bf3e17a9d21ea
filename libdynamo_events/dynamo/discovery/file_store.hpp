#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/discovery/record.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What is done to the files of a store, and nothing about when. The layout,
// shared with Dynamo:
//
//   <root>/<path of the bucket>/<key, all but letters and digits as %XX>
//   <root>/<path of the bucket>/.tmp_<16 hex digits>   until it is complete
//
// A file is its record's JSON. It expires when its time of modification is
// older than 10 s by the wall clock; its owner touches it.

namespace dynamo {

/// What tells whether a file has changed.
struct file_stamp {
  std::uint64_t inode = 0;
  std::int64_t size_bytes = 0;
  std::chrono::system_clock::time_point modified;
  /// False for directories, links, pipes and the like.
  bool regular = false;

  bool operator==(const file_stamp&) const = default;
};

/// A name in a bucket's directory.
struct file_entry {
  std::string name;
  file_stamp stamp;
};

/// A record out of a file.
struct filed_record {
  std::string key;
  record value;
};

/// How a finished temporary file gets its name.
enum class file_publishing {
  /// By a hard link; by renaming where the file system has no links.
  link,
  rename,
};

/// The file name of a key. errc::too_large when the system has no names of
/// that length (255 bytes).
result<std::string> file_name_of(std::string_view key);

/// Whether it is the name of a file that is being written.
bool is_temporary_file(std::string_view name);

/// Reads a record and checks that its file name, its bucket and its content
/// speak of the same.
result<filed_record> filed_record_from(bucket where, std::string_view name,
                                       std::string_view text);

/// Thread-safe: has no state of its own but the root.
class file_store {
 public:
  file_store(std::string root, std::size_t record_bytes_max,
             file_publishing publishing = file_publishing::link);

  const std::string& root() const { return root_; }
  std::string directory_of(bucket where) const;

  /// Makes the bucket's directory and all above it.
  status make_directory(bucket where) const;

  /// Names and stamps of what is in the directory; what vanishes meanwhile is
  /// left out. errc::unavailable when the directory is not there or cannot be
  /// read.
  result<std::vector<file_entry>> entries(bucket where) const;

  /// errc::not_found when the file is not there.
  result<file_stamp> stamp_of(bucket where, const std::string& name) const;

  /// errc::not_found, errc::too_large, errc::unsupported (no regular file).
  result<std::string> read(bucket where, const std::string& name) const;

  /// Puts a file that nobody sees before it is complete. errc::exists when the
  /// name is taken, errc::unavailable when the directory is gone.
  status create(bucket where, const std::string& name,
                std::string_view text) const;

  /// The same, in the place of what is there.
  status replace(bucket where, const std::string& name,
                 std::string_view text) const;

  /// Makes the file as young as can be and returns its new stamp.
  result<file_stamp> touch(bucket where, const std::string& name) const;

  /// errc::not_found when the file is not there.
  status remove(bucket where, const std::string& name) const;

 private:
  std::string path_of_file(bucket where, std::string_view name) const;
  result<std::string> write_temporary(bucket where,
                                      std::string_view text) const;
  status link_or_rename(const std::string& from, const std::string& to) const;

  std::string root_;
  std::size_t record_bytes_max_;
  file_publishing publishing_;
};

} // namespace dynamo
