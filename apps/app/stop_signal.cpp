#include "apps/app/stop_signal.hpp"

#include "apps/app/arguments.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace dynamo::apps {

result<std::unique_ptr<stop_signal>> stop_signal::watch() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  const int signals = ::signalfd(-1, &stops, SFD_CLOEXEC);
  const int wake = ::eventfd(0, EFD_CLOEXEC);
  if (signals < 0 || wake < 0) {
    const int code = errno;
    ::close(signals);
    ::close(wake);
    return error{errc::io, std::string{"cannot watch for signals: "} +
                               std::strerror(code)};
  }
  return std::unique_ptr<stop_signal>{new stop_signal{signals, wake}};
}

stop_signal::stop_signal(int signals, int wake)
    : signals_(signals)
    , wake_(wake)
    , observer_([this] { observe(); }) {}

stop_signal::~stop_signal() {
  const std::uint64_t one = 1;
  // Cannot fail: the counter is far from its limit.
  static_cast<void>(::write(wake_, &one, sizeof one) < 0);
  observer_.join();
  ::close(signals_);
  ::close(wake_);
}

// A thread of its own, because the second signal has to count while the main
// thread is busy with the first one.
void stop_signal::observe() {
  bool first = true;
  for (;;) {
    pollfd ready[] = {{signals_, POLLIN, 0}, {wake_, POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0) {
      if (errno == EINTR) {
        continue;
      }
      return;
    }
    if (ready[1].revents != 0) {
      return;
    }
    signalfd_siginfo received{};
    if (::read(signals_, &received, sizeof received) !=
        static_cast<ssize_t>(sizeof received)) {
      continue;
    }
    if (!first) {
      ::_exit(exit_interrupted);
    }
    first = false;
    request();
  }
}

void stop_signal::request() {
  {
    const lock_guard guard{mutex_};
    requested_ = true;
  }
  changed_.notify_all();
}

bool stop_signal::requested() const {
  const lock_guard guard{mutex_};
  return requested_;
}

void stop_signal::wait() const {
  const lock_guard guard{mutex_};
  while (!requested_) {
    changed_.wait(mutex_);
  }
}

bool stop_signal::wait_for(std::chrono::milliseconds timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const lock_guard guard{mutex_};
  while (!requested_) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) {
      break;
    }
  }
  return requested_;
}

} // namespace dynamo::apps
