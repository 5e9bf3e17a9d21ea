#pragma once

#include "dynamo/base/ids.hpp"
#include "dynamo/discovery/file.hpp"

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery_fixture.hpp"
#include "support/catch.hpp"

namespace dynamo::test {

namespace fs = std::filesystem;

/// The store's times, a tenth and less of the real ones.
inline file_timing quick() {
  return {.lifetime = 1000ms,
          .keep_alive = 200ms,
          .rescan = 50ms,
          .settle = 20ms,
          .settle_max = 200ms,
          .search = 20ms};
}

/// A store's directory, gone at the end of the test.
class temporary_root {
 public:
  temporary_root() {
    path_ = fs::temp_directory_path() /
            ("dynamo_file_test_" + id_to_hex(random_u64()));
    fs::create_directories(directory());
  }
  ~temporary_root() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  temporary_root(const temporary_root&) = delete;
  temporary_root& operator=(const temporary_root&) = delete;

  const fs::path& path() const { return path_; }
  fs::path directory() const { return path_ / path_of(instances); }
  fs::path file(const std::string& name) const { return directory() / name; }
  fs::path file(const record& value) const {
    return file(*file_name_of(key_of(value)));
  }

 private:
  fs::path path_;
};

inline void write(const fs::path& path, std::string_view text) {
  std::ofstream{path, std::ios::binary} << text;
}

inline std::string content(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// As Dynamo puts a record: a temporary file, then a hard link.
inline void put_foreign(const temporary_root& root, const record& value) {
  const fs::path temporary = root.file(".tmp_0123456789abcdef");
  write(temporary, to_json(value));
  fs::create_hard_link(temporary, root.file(value));
  fs::remove(temporary);
}

/// Sets the time of modification as if nobody had touched it for `age`.
inline void make_old(const fs::path& path, std::chrono::seconds age) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - age);
}

} // namespace dynamo::test
