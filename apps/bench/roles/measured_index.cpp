#include "apps/bench/roles/measured_index.hpp"

#include "apps/bench/roles/map_index.hpp"
#include "dynamo/base/inbox.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/router/flat_index.hpp"
#include "dynamo/router/tree_index.hpp"

#include <thread>
#include <utility>

namespace dynamo::apps {

namespace {

class measured_flat final : public measured_index {
 public:
  void apply(const worker_rank& rank, kv_cache_event event) override {
    index_.apply(rank, event, storage_tier::device);
  }
  std::size_t find(std::span<const std::uint64_t> local) const override {
    // A router keeps one for each thread, too.
    thread_local std::vector<rank_overlap> rows;
    index_.match(local, rows);
    return rows.size();
  }
  std::vector<rank_overlap>
  answer(std::span<const std::uint64_t> local) const override {
    return index_.find_matches(local);
  }
  std::uint64_t bytes() const override { return index_.size().bytes; }

 private:
  flat_index index_;
};

class measured_tree final : public measured_index {
 public:
  void apply(const worker_rank& rank, kv_cache_event event) override {
    index_.apply(rank, event, storage_tier::device);
  }
  std::size_t find(std::span<const std::uint64_t> local) const override {
    return index_.find_matches(local).size();
  }
  std::vector<rank_overlap>
  answer(std::span<const std::uint64_t> local) const override {
    return index_.find_matches(local);
  }
  std::uint64_t bytes() const override { return index_.size().bytes; }

 private:
  tree_index index_;
};

class measured_map final : public measured_index {
 public:
  void apply(const worker_rank& rank, kv_cache_event event) override {
    index_.apply(rank, event);
  }
  std::size_t find(std::span<const std::uint64_t> local) const override {
    return index_.find_matches(local).size();
  }
  std::vector<rank_overlap>
  answer(std::span<const std::uint64_t> local) const override {
    return index_.find_matches(local);
  }

 private:
  map_index index_;
};

class queued_index final : public measured_index {
 public:
  explicit queued_index(std::unique_ptr<measured_index> inside)
      : inside_(std::move(inside))
      , thread_([this] { run(); }) {}

  ~queued_index() override {
    {
      const lock_guard guard{mutex_};
      stopping_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

  void apply(const worker_rank& rank, kv_cache_event event) override {
    ++handed_over_;
    if (queue_.push({rank, std::move(event)}, 0) ==
        push_outcome::queued_first) {
      const lock_guard guard{mutex_};
      is_rung_ = true;
      changed_.notify_all();
    }
  }

  void drain() override {
    const lock_guard guard{mutex_};
    while (applied_ < handed_over_) {
      changed_.wait(mutex_);
    }
  }

  std::size_t find(std::span<const std::uint64_t> local) const override {
    return inside_->find(local);
  }
  std::vector<rank_overlap>
  answer(std::span<const std::uint64_t> local) const override {
    return inside_->answer(local);
  }
  std::uint64_t bytes() const override { return inside_->bytes(); }

 private:
  using item = std::pair<worker_rank, kv_cache_event>;
  static constexpr std::size_t batch_max = 256;

  void run() {
    std::vector<inbox_item<item>> batch;
    while (wait()) {
      std::size_t count = batch_max;
      while (count == batch_max) {
        batch.clear();
        count = queue_.drain(batch, batch_max);
        for (auto& one : batch) {
          inside_->apply(one.value.first, std::move(one.value.second));
        }
        const lock_guard guard{mutex_};
        applied_ += count;
        changed_.notify_all();
      }
    }
  }

  /// False when it is time to end.
  bool wait() {
    const lock_guard guard{mutex_};
    while (!is_rung_ && !stopping_) {
      changed_.wait(mutex_);
    }
    return std::exchange(is_rung_, false);
  }

  const std::unique_ptr<measured_index> inside_;
  inbox<item> queue_{{std::size_t{1} << 40, std::size_t{1} << 40}};
  std::uint64_t handed_over_ = 0;
  mutex mutex_;
  condition changed_;
  std::uint64_t applied_ DYNAMO_GUARDED_BY(mutex_) = 0;
  bool is_rung_ DYNAMO_GUARDED_BY(mutex_) = false;
  bool stopping_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

} // namespace

std::unique_ptr<measured_index> make_measured_index(index_kind which) {
  switch (which) {
  case index_kind::flat:
    return std::make_unique<measured_flat>();
  case index_kind::tree:
    return std::make_unique<measured_tree>();
  case index_kind::map:
    break;
  }
  return std::make_unique<measured_map>();
}

std::unique_ptr<measured_index>
make_queued_index(std::unique_ptr<measured_index> inside) {
  return std::make_unique<queued_index>(std::move(inside));
}

} // namespace dynamo::apps
