#pragma once

#include "dynamo/discovery/bucket_picture.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/file_store.hpp"
#include "dynamo/discovery/file_timing.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dynamo {

/// The records of one bucket, made from what is seen of its files.
///
/// - A file that vanishes takes its record along, a moment later (settle).
/// - While the directory is lost all records stay. Those that are not put into
///   its successor within one lifetime are then dropped.
/// - A file that cannot be read as a record is bad: counted, and named once.
///   A record that it held before stays.
/// - A file that had expired before it was first seen is ignored.
class file_view {
 public:
  /// Files beyond this many are ignored, and that is said once.
  static constexpr std::size_t files_max = 65'536;

  /// The references outlive this object.
  file_view(const file_store& store, const file_timing& timing,
            const notice_sink& notice, bucket where);

  /// The directory's whole content; what is missing in it has vanished.
  /// Returns the names of files that are not as they were known.
  std::vector<std::string> scan(const std::vector<file_entry>& entries,
                                const file_moment& now);

  /// A notice tells that a file is new or was written.
  void changed(const std::string& name, const file_moment& now);
  /// A notice tells that a file vanished.
  void vanished(const std::string& name, const file_moment& now);

  /// The directory cannot be seen.
  void lose(const std::string& reason);
  /// A directory is there again; a scan comes next.
  void regain(const file_moment& now);

  /// Draws the conclusions that had to wait. To be called at `due` or before.
  void settle(const file_moment& now);
  std::optional<std::chrono::steady_clock::time_point> due() const;

  /// The records that stand in the directory now.
  std::vector<found_record> list(const file_moment& now) const;

  const bucket_picture& picture() const { return picture_; }
  std::uint64_t bad_records() const { return bad_records_; }

 private:
  struct file {
    file_stamp stamp;
    /// Empty: no record was read from it yet.
    std::string key;
    /// The content that the stamp stands for was read, or found bad.
    bool judged = false;
    bool bad = false;
    /// Known from a directory that was lost, not seen in the present one.
    bool carried = false;
    bool in_scan = false;
    bool vanished = false;
  };

  /// A notice may come while a file is still being written; a scan comes late
  /// enough to call it bad.
  enum class judgement { lenient, strict };

  bool consider(const file_entry& entry, const file_moment& now,
                judgement strictness);
  bool read(const std::string& name, file& known, judgement strictness);
  void call_bad(const std::string& name, file& known, const error& reason);
  void drop(const std::string& name);
  bool has_room(const std::string& name);
  void settle_vanished(const file_moment& now);
  void settle_carried(const file_moment& now);
  bool expired(const file_stamp& stamp, const file_moment& now) const;

  const file_store& store_;
  const file_timing& timing_;
  const notice_sink& notice_;
  const bucket where_;
  std::map<std::string, file> files_;
  bucket_picture picture_;
  bool lost_ = true;
  bool scanned_ = false;
  /// When the first and the last of the files vanished that still count.
  std::optional<std::chrono::steady_clock::time_point> first_vanished_;
  std::chrono::steady_clock::time_point last_vanished_;
  /// Until when carried records may be put again.
  std::optional<std::chrono::steady_clock::time_point> carried_until_;
  std::uint64_t bad_records_ = 0;
  std::uint64_t named_ = 0;
  bool told_full_ = false;
};

} // namespace dynamo
