#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/discovery/discovery.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "unit/discovery/changes.hpp"

// What the tests of all discovery backends share.

namespace dynamo::test {

using namespace std::chrono_literals;

inline constexpr bucket instances = bucket::instances;

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

  /// All of them, a line each.
  std::string text() const {
    const lock_guard guard{mutex_};
    std::string all;
    for (const std::string& text : texts_) {
      all += text + '\n';
    }
    return all;
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
