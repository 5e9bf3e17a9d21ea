#pragma once

#include <chrono>

namespace dynamo {

/// The times of the file store. Only tests change them: every process that
/// shares a directory assumes the same lifetime.
struct file_timing {
  /// A file that was not touched for this long belongs to nobody (Dynamo's
  /// constant).
  std::chrono::milliseconds lifetime{10'000};
  /// Owned files are touched this often (a third of the lifetime, as Dynamo).
  std::chrono::milliseconds keep_alive{3'333};
  /// Missed notices are repaired this often.
  std::chrono::milliseconds rescan{2'000};
  /// A file that vanished is reported when no other has vanished for this
  /// long: when a whole directory is removed, its files go first.
  std::chrono::milliseconds settle{50};
  /// At the latest after this long.
  std::chrono::milliseconds settle_max{500};
  /// A directory that is missing is looked for this often.
  std::chrono::milliseconds search{100};
};

/// A time by both clocks: delays are measured by the steady one, the age of
/// files by the wall clock, which is the one that dates them.
struct file_moment {
  std::chrono::steady_clock::time_point steady;
  std::chrono::system_clock::time_point wall;

  static file_moment now() {
    return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
  }
};

} // namespace dynamo
