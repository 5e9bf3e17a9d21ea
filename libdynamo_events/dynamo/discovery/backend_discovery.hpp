#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/base/thread_name.hpp"
#include "dynamo/discovery/change_feed.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/signals_blocked.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace dynamo {

/// A discovery whose store is a server: a backend that one thread owns. Whoever
/// calls a member leaves a piece of work for the thread and waits for the
/// outcome, which comes in time whatever the server does.
///
/// A Backend has
///
///   void advertise(const record&, clock_time now, outcome_sink);
///   void withdraw(const record&, clock_time now, outcome_sink);
///   void list(bucket, clock_time now, a sink for the records);
///   void watch(change_feed);
///   discovery_counts counts() const;
///   std::uint64_t instance_id() const;
///   void turn(clock_time now);          // does what is due
///   clock_time due() const;             // when the next turn is
///   void run(int wake_fd, milliseconds) // waits for the server, or a wake-up
///   void close(int wake_fd, clock_time deadline);
template <class Backend>
class backend_discovery : public discovery {
 public:
  using clock_time = std::chrono::steady_clock::time_point;

  /// What the backend is made of, what messages call it, and how long its end
  /// may take.
  template <class Plan>
  backend_discovery(Plan plan, std::string name,
                    std::chrono::milliseconds close_time)
      : name_(std::move(name))
      , close_time_(close_time)
      , backend_(std::move(plan))
      , wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  ~backend_discovery() override {
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

 protected:
  /// Starts the thread, which serves once `connect` has succeeded; returns
  /// what that did. `connect` may call turn().
  status start(const std::function<status()>& connect) {
    if (wake_fd_ < 0) {
      return error{errc::io, name_ + ": no event descriptor"};
    }
    std::promise<status> connected;
    auto outcome = connected.get_future();
    try {
      const signals_blocked blocked;
      thread_ = std::thread{[this, &connect, &connected] {
        name_this_thread("discovery");
        const status done = connect();
        if (done) {
          instance_id_ = backend_.instance_id();
        }
        connected.set_value(done);
        if (done) {
          serve();
        }
      }};
    } catch (const std::system_error& reason) {
      return error{errc::io, name_ + ": no thread: " + reason.what()};
    }
    return outcome.get();
  }

  /// Does what is due, and waits for more until `latest`.
  void turn(clock_time latest) {
    // libcurl 7.88 now and then keeps what a stream of HTTP/2 has received, and
    // waits for more; looking again finds it.
    constexpr std::chrono::milliseconds longest{1'000};
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

  /// Only the thread touches it.
  Backend& backend() { return backend_; }

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

  void serve() {
    while (!stopping()) {
      for (work& next : take_work()) {
        next();
      }
      turn(clock_time::max());
    }
    backend_.close(wake_fd_, std::chrono::steady_clock::now() + close_time_);
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

  const std::string name_;
  const std::chrono::milliseconds close_time_;
  Backend backend_;
  /// Set before `start` returns.
  std::uint64_t instance_id_ = 0;
  const int wake_fd_;
  mutable mutex mutex_;
  std::deque<work> work_ DYNAMO_GUARDED_BY(mutex_);
  discovery_counts counts_ DYNAMO_GUARDED_BY(mutex_);
  bool stopping_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

/// "3 s", rounded up.
inline std::string seconds_text(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) +
         " s";
}

} // namespace dynamo
