#pragma once

#include "dynamo/base/ids.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/discovery/file.hpp"

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "support/catch.hpp"
#include "unit/discovery/changes.hpp"

namespace dynamo::test {

using namespace std::chrono_literals;
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

inline constexpr bucket instances = bucket::instances;

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

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds within = 20s) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// Notices, counted by what they contain.
class notice_log {
 public:
  notice_sink sink() {
    return [this](const std::string& text) {
      const lock_guard guard{mutex_};
      texts_.push_back(text);
    };
  }

  std::size_t count(const std::string& part) const {
    const lock_guard guard{mutex_};
    std::size_t found = 0;
    for (const std::string& text : texts_) {
      found += text.find(part) != std::string::npos ? 1 : 0;
    }
    return found;
  }

 private:
  mutable mutex mutex_;
  std::vector<std::string> texts_ DYNAMO_GUARDED_BY(mutex_);
};

/// What one watcher believes, kept up to date whenever it is asked.
class believer {
 public:
  explicit believer(std::size_t items_max = 1000)
      : inbox_(make_inbox(items_max)) {}

  void watch(discovery& store) {
    REQUIRE(store.watch(instances, inbox_, [] {}));
  }
  std::shared_ptr<discovery_inbox> inbox() { return inbox_; }

  /// Takes in what has come.
  void catch_up() {
    std::vector<inbox_item<discovery_change>> items;
    inbox_->drain(items, 100'000);
    for (auto& item : items) {
      history_.push_back(brief(item.value));
      if (auto* put = std::get_if<record_put>(&item.value)) {
        records_.insert_or_assign(put->key, put->value);
      } else if (auto* deleted = std::get_if<record_deleted>(&item.value)) {
        records_.erase(deleted->key);
        ++deletions_;
      } else {
        synced_ = std::holds_alternative<watch_synced>(item.value);
        stale_told_ = stale_told_ || !synced_;
      }
    }
  }

  bool knows(const record& value) {
    catch_up();
    const auto found = records_.find(key_of(value));
    return found != records_.end() && found->second == value;
  }
  std::size_t size() {
    catch_up();
    return records_.size();
  }
  bool synced() {
    catch_up();
    return synced_;
  }
  bool was_stale() {
    catch_up();
    return stale_told_;
  }
  std::size_t deletions() {
    catch_up();
    return deletions_;
  }
  const std::vector<std::string>& history() {
    catch_up();
    return history_;
  }

 private:
  std::shared_ptr<discovery_inbox> inbox_;
  std::map<std::string, record> records_;
  std::vector<std::string> history_;
  std::size_t deletions_ = 0;
  bool synced_ = false;
  bool stale_told_ = false;
};

} // namespace dynamo::test
