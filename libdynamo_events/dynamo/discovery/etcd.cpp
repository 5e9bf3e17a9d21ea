#include "dynamo/discovery/etcd.hpp"

#include "dynamo/base/mutex.hpp"
#include "dynamo/discovery/etcd_backend.hpp"
#include "dynamo/discovery/etcd_endpoints.hpp"
#include "dynamo/discovery/signals_blocked.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <future>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace dynamo {

namespace {

using clock_time = etcd_backend::clock_time;

/// The backend and its thread. Whoever calls a member leaves a piece of work
/// for the thread and waits for the outcome, which comes in time whatever the
/// servers do.
class etcd_discovery final : public discovery {
 public:
  explicit etcd_discovery(etcd_backend_plan plan)
      : timing_(plan.timing)
      , backend_(std::move(plan))
      , wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  ~etcd_discovery() override {
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

  /// Starts the thread, and returns when it has connected, or cannot.
  status start(const etcd_discovery_request& request);

  std::uint64_t instance_id() const override { return instance_id_; }

  status advertise(const record& value) override {
    return ask<status>([&](auto done) {
      backend_.advertise(value, std::chrono::steady_clock::now(),
                         std::move(done));
    });
  }

  status withdraw(const record& value) override {
    return ask<status>([&](auto done) {
      backend_.withdraw(value, std::chrono::steady_clock::now(),
                        std::move(done));
    });
  }

  void begin_advertise(std::vector<record> values, outcome_sink done) override {
    begin_each(std::move(values), std::move(done),
               [this](const record& value, outcome_sink one) {
                 backend_.advertise(value, std::chrono::steady_clock::now(),
                                    std::move(one));
               });
  }

  void begin_withdraw(std::vector<record> values, outcome_sink done) override {
    begin_each(std::move(values), std::move(done),
               [this](const record& value, outcome_sink one) {
                 backend_.withdraw(value, std::chrono::steady_clock::now(),
                                   std::move(one));
               });
  }

  result<std::vector<found_record>> list(bucket where) override {
    return ask<result<std::vector<found_record>>>([&](auto done) {
      backend_.list(where, std::chrono::steady_clock::now(), std::move(done));
    });
  }

  status watch(bucket where, std::shared_ptr<discovery_inbox> changes,
               std::function<void()> wake) override {
    return ask<status>([&](auto done) {
      backend_.watch(change_feed{where, std::move(changes), std::move(wake)});
      done(ok());
    });
  }

  discovery_counts counts() const override {
    const lock_guard guard{mutex_};
    return counts_;
  }

 private:
  using work = std::function<void()>;

  /// `begin` gets a function for the outcome, to be called once.
  template <class Outcome, class Begin>
  Outcome ask(Begin begin) {
    auto promised = std::make_shared<std::promise<Outcome>>();
    auto outcome = promised->get_future();
    do_later([this, promised, &begin] {
      begin([this, promised](Outcome done) {
        keep_counts();
        promised->set_value(std::move(done));
      });
    });
    return outcome.get();
  }

  /// Lets the thread begin something with each record; `done` hears of it when
  /// the last of them has an outcome.
  template <class Begin>
  void begin_each(std::vector<record> values, outcome_sink done, Begin begin) {
    struct course {
      std::size_t left;
      status outcome;
      outcome_sink done;
    };
    if (values.empty()) {
      done(ok());
      return;
    }
    const auto shared =
        std::make_shared<course>(course{values.size(), ok(), std::move(done)});
    do_later([this, shared, values = std::move(values), begin] {
      for (const record& value : values) {
        begin(value, [this, shared](const status& outcome) {
          if (!outcome && shared->outcome) {
            shared->outcome = outcome;
          }
          if (--shared->left == 0) {
            keep_counts();
            shared->done(shared->outcome);
          }
        });
      }
    });
  }

  void do_later(work next) {
    {
      const lock_guard guard{mutex_};
      work_.push_back(std::move(next));
    }
    wake();
  }

  void wake() const {
    const std::uint64_t one = 1;
    // Full means that a wake-up is already waiting.
    static_cast<void>(::write(wake_fd_, &one, sizeof(one)) == sizeof(one));
  }

  status connect(const etcd_discovery_request& request);

  void run() {
    while (!stopping()) {
      for (work& next : take_work()) {
        next();
      }
      turn(clock_time::max());
    }
    backend_.close(wake_fd_, std::chrono::steady_clock::now() + timing_.close);
  }

  /// Does what is due, and waits for more until `latest`.
  void turn(clock_time latest) {
    constexpr std::chrono::milliseconds longest{60'000};
    const auto now = std::chrono::steady_clock::now();
    backend_.turn(now);
    keep_counts();
    const auto until = std::min({latest, backend_.due(), now + longest});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    backend_.run(wake_fd_, std::max(left, std::chrono::milliseconds{0}));
    std::uint64_t wakes = 0;
    static_cast<void>(::read(wake_fd_, &wakes, sizeof(wakes)) == sizeof(wakes));
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

  const etcd_timing timing_;
  /// Only the thread touches it.
  etcd_backend backend_;
  /// Set before `start` returns.
  std::uint64_t instance_id_ = 0;
  const int wake_fd_;
  mutable mutex mutex_;
  std::deque<work> work_ DYNAMO_GUARDED_BY(mutex_);
  discovery_counts counts_ DYNAMO_GUARDED_BY(mutex_);
  bool stopping_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

std::string seconds_text(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) +
         " s";
}

status etcd_discovery::start(const etcd_discovery_request& request) {
  if (wake_fd_ < 0) {
    return error{errc::io, "etcd discovery: no event descriptor"};
  }
  std::promise<status> connected;
  auto outcome = connected.get_future();
  try {
    const signals_blocked blocked;
    thread_ = std::thread{[this, &request, &connected] {
      const status done = connect(request);
      if (done) {
        instance_id_ = backend_.instance_id();
      }
      connected.set_value(done);
      if (done) {
        run();
      }
    }};
  } catch (const std::system_error& reason) {
    return error{errc::io,
                 std::string{"etcd discovery: no thread: "} + reason.what()};
  }
  return outcome.get();
}

/// Until there is a lease, or no hope for one.
status etcd_discovery::connect(const etcd_discovery_request& request) {
  constexpr std::chrono::milliseconds look_interval{50};
  const auto timeout = request.options.startup_timeout;
  const auto begin = std::chrono::steady_clock::now();
  auto say_at = begin + timing_.still_waiting;
  while (backend_.instance_id() == 0) {
    const auto now = std::chrono::steady_clock::now();
    if (const std::string refusal = backend_.refusal(); !refusal.empty()) {
      return error{errc::invalid, "etcd discovery: refused: " + refusal};
    }
    if (now >= begin + timeout) {
      return error{errc::unavailable,
                   "etcd discovery: no etcd within " + seconds_text(timeout) +
                       ": " + backend_.failures() +
                       ". ETCD_ENDPOINTS says where etcd is, --discovery file "
                       "goes without"};
    }
    if (request.gives_up && request.gives_up()) {
      return error{errc::closed, "etcd discovery: no longer waited for: " +
                                     backend_.failures()};
    }
    if (now >= say_at && request.notice) {
      request.notice("etcd discovery: waiting for etcd, " +
                     seconds_text(begin + timeout - now) + " more");
      say_at = now + timing_.still_waiting;
    }
    turn(std::min({begin + timeout, say_at, now + look_interval}));
  }
  return ok();
}

status check_credentials(const etcd_options& options) {
  if (options.username.empty() != options.password.empty()) {
    return error{errc::invalid,
                 "etcd discovery: expected a user name and a password "
                 "(ETCD_AUTH_USERNAME, ETCD_AUTH_PASSWORD), or neither"};
  }
  if (options.tls.certificate.empty() != options.tls.key.empty()) {
    return error{errc::invalid,
                 "etcd discovery: expected a client certificate and its key "
                 "(ETCD_AUTH_CLIENT_CERT, ETCD_AUTH_CLIENT_KEY), or neither"};
  }
  return ok();
}

} // namespace

result<std::unique_ptr<discovery>>
make_etcd_discovery(etcd_discovery_request request) {
  const etcd_options& options = request.options;
  auto endpoints = etcd_endpoints_from(options.endpoints);
  if (!endpoints) {
    return std::move(endpoints).error();
  }
  if (status checked = check_credentials(options); !checked) {
    return checked.error();
  }
  etcd_backend_plan plan;
  plan.access = {*std::move(endpoints),
                 options.username,
                 options.password,
                 {{},
                  options.tls.ca,
                  options.tls.certificate,
                  options.tls.key,
                  options.connect_timeout,
                  options.keepalive_interval,
                  options.keepalive_timeout,
                  options.response_bytes_max},
                 options.request_timeout};
  plan.lease_ttl = options.lease_ttl;
  plan.times = {options.request_timeout, options.compare, options.grace};
  plan.timing = request.timing;
  plan.notice = request.notice;
  auto made = std::make_unique<etcd_discovery>(std::move(plan));
  if (auto started = made->start(request); !started) {
    return started.error();
  }
  return std::unique_ptr<discovery>{std::move(made)};
}

} // namespace dynamo
