#include "dynamo/discovery/file.hpp"

#include "dynamo/base/mutex.hpp"
#include "dynamo/base/thread_name.hpp"
#include "dynamo/discovery/file_backend.hpp"
#include "dynamo/discovery/signals_blocked.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <future>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace dynamo {

namespace {

/// The backend and its thread. Whoever calls a member leaves a piece of work
/// for the thread and waits for the outcome; so the backend needs no locks, and
/// a record cannot be put again by the one while the other withdraws it.
class file_discovery final : public discovery {
 public:
  file_discovery(file_store store, file_discovery_request request)
      : instance_id_(request.instance_id)
      , backend_(std::move(store), request.timing, std::move(request.notice))
      , wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  ~file_discovery() override {
    if (thread_.joinable()) {
      {
        const lock_guard guard{mutex_};
        stopping_ = true;
      }
      wake();
      thread_.join();
    }
    if (wake_fd_ >= 0) {
      ::close(wake_fd_);
    }
  }

  status start() {
    if (wake_fd_ < 0) {
      return error{errc::io, "file discovery: no event descriptor"};
    }
    const signals_blocked blocked;
    try {
      thread_ = std::thread{[this] { run(); }};
    } catch (const std::system_error& reason) {
      return error{errc::io,
                   std::string{"file discovery: no thread: "} + reason.what()};
    }
    return ok();
  }

  std::uint64_t instance_id() const override { return instance_id_; }

  status advertise(const record& value) override {
    return ask<status>(
        [&] { return backend_.advertise(value, file_moment::now()); });
  }

  status withdraw(const record& value) override {
    return ask<status>([&] { return backend_.withdraw(value); });
  }

  result<std::vector<found_record>> list(bucket where) override {
    return ask<result<std::vector<found_record>>>(
        [&] { return backend_.list(where, file_moment::now()); });
  }

  status watch(bucket where, std::shared_ptr<discovery_inbox> changes,
               std::function<void()> wake) override {
    return ask<status>([&] {
      backend_.watch(change_feed{where, std::move(changes), std::move(wake)},
                     file_moment::now());
      return ok();
    });
  }

  discovery_counts counts() const override {
    const lock_guard guard{mutex_};
    return counts_;
  }

 private:
  using work = std::function<void()>;

  template <class Outcome, class Function>
  Outcome ask(Function function) {
    // Shared, since the thread may still be inside set_value when the caller
    // has its outcome.
    auto promised = std::make_shared<std::promise<Outcome>>();
    auto outcome = promised->get_future();
    {
      const lock_guard guard{mutex_};
      work_.push_back([this, promised, &function] {
        Outcome done = function();
        keep_counts();
        promised->set_value(std::move(done));
      });
    }
    wake();
    return outcome.get();
  }

  void wake() const {
    const std::uint64_t one = 1;
    // Full means that a wake-up is already waiting.
    static_cast<void>(::write(wake_fd_, &one, sizeof(one)) == sizeof(one));
  }

  void run() {
    name_this_thread("discovery");
    while (!stopping()) {
      for (work& next : take_work()) {
        next();
      }
      const file_moment now = file_moment::now();
      backend_.turn(now);
      keep_counts();
      wait(backend_.due(now));
    }
    backend_.close();
  }

  bool stopping() const {
    const lock_guard guard{mutex_};
    return stopping_;
  }

  std::deque<work> take_work() {
    const lock_guard guard{mutex_};
    return std::exchange(work_, {});
  }

  void keep_counts() {
    const discovery_counts counts = backend_.counts();
    const lock_guard guard{mutex_};
    counts_ = counts;
  }

  void wait(std::chrono::steady_clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const auto timeout_ms = std::clamp<std::int64_t>(left.count(), 0, 60'000);
    // poll skips negative descriptors.
    pollfd sources[] = {{wake_fd_, POLLIN, 0},
                        {backend_.descriptor(), POLLIN, 0}};
    ::poll(sources, std::size(sources), static_cast<int>(timeout_ms));
    std::uint64_t wakes = 0;
    static_cast<void>(::read(wake_fd_, &wakes, sizeof(wakes)) == sizeof(wakes));
  }

  const std::uint64_t instance_id_;
  /// Only the thread touches it.
  file_backend backend_;
  const int wake_fd_;
  mutable mutex mutex_;
  std::deque<work> work_ DYNAMO_GUARDED_BY(mutex_);
  discovery_counts counts_ DYNAMO_GUARDED_BY(mutex_);
  bool stopping_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

result<std::string> make_root(const std::string& configured) {
  std::string root = configured;
  if (root.empty()) {
    // Nothing in this library changes the environment.
    const char* const temporary =
        std::getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe)
    root = temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
    root += "/dynamo_store_kv";
  }
  std::error_code reason;
  // The working directory may change later.
  root = std::filesystem::absolute(root, reason).string();
  if (!reason) {
    std::filesystem::create_directories(root, reason);
  }
  if (!reason && !std::filesystem::is_directory(root, reason)) {
    reason = std::make_error_code(std::errc::not_a_directory);
  }
  if (reason) {
    return error{errc::invalid, "file discovery: root directory " + root +
                                    ": " + reason.message()};
  }
  return root;
}

} // namespace

result<std::unique_ptr<discovery>>
make_file_discovery(const file_discovery_options& options,
                    std::uint64_t instance_id, notice_sink notice) {
  file_discovery_request request;
  request.options = options;
  request.instance_id = instance_id;
  request.notice = std::move(notice);
  request.timing.rescan = options.rescan;
  return make_file_discovery(std::move(request));
}

result<std::unique_ptr<discovery>>
make_file_discovery(file_discovery_request request) {
  auto root = make_root(request.options.root);
  if (!root) {
    return root.error();
  }
  file_store store{*std::move(root), request.options.record_bytes_max,
                   request.publishing};
  auto made =
      std::make_unique<file_discovery>(std::move(store), std::move(request));
  if (auto started = made->start(); !started) {
    return started.error();
  }
  return std::unique_ptr<discovery>{std::move(made)};
}

} // namespace dynamo
