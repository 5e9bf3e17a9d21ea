#include "apps/bench/child_process.hpp"

#include "apps/bench/process_usage.hpp"

#include <spawn.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

error failure_of(const std::string& what, int code) {
  return {errc::io, what + ": " + std::strerror(code)};
}

/// The strings with a null pointer behind them, as exec wants them.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string>
environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string one = *at;
    if (!added.contains(one.substr(0, one.find('=')))) {
      all.push_back(one);
    }
  }
  for (const auto& [name, value] : added) {
    all.push_back(name + "=" + value);
  }
  return all;
}

/// Both ends are closed in children unless they become a standard stream.
result<std::array<int, 2>> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return failure_of("pipe", errno);
  }
  return ends;
}

} // namespace

result<child_process> child_process::start(const plan& wanted) {
  const auto in = make_pipe();
  const auto out = make_pipe();
  if (!in || !out) {
    return in ? out.error() : in.error();
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, (*in)[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, (*out)[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
                                   wanted.stderr_path.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  // This process waits for its signals in a thread; a child has to take them.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<std::string> command = wanted.command;
  std::vector<std::string> variables = environment_with(wanted.environment);
  pid_t pid = -1;
  const int code =
      posix_spawnp(&pid, command.front().c_str(), &actions, &attributes,
                   pointers_to(command).data(), pointers_to(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close((*in)[0]);
  close((*out)[1]);
  if (code != 0) {
    close((*in)[1]);
    close((*out)[0]);
    return failure_of("start " + command.front(), code);
  }
  return child_process{pid, (*in)[1], (*out)[0]};
}

child_process::child_process(child_process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1))
    , to_(std::exchange(other.to_, -1))
    , from_(std::exchange(other.from_, -1))
    , unread_(std::move(other.unread_)) {}

child_process& child_process::operator=(child_process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(to_, other.to_);
  std::swap(from_, other.from_);
  std::swap(unread_, other.unread_);
  return *this;
}

child_process::~child_process() {
  finish(0ms);
}

status child_process::write_line(const std::string& line) {
  const std::string bytes = line + "\n";
  if (write(to_, bytes.data(), bytes.size()) !=
      static_cast<ssize_t>(bytes.size())) {
    return error{errc::closed, "write to process " + std::to_string(pid_) +
                                   ": " + std::strerror(errno)};
  }
  return ok();
}

result<std::string> child_process::read_line(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd output{from_, POLLIN, 0};
    if (left <= 0ms || poll(&output, 1, static_cast<int>(left.count())) == 0) {
      return error{errc::unavailable, "process " + std::to_string(pid_) +
                                          " said nothing for " +
                                          std::to_string(time.count()) + " ms"};
    }
    std::array<char, 4096> bytes{};
    const ssize_t count = read(from_, bytes.data(), bytes.size());
    if (count <= 0) {
      return error{errc::closed,
                   "process " + std::to_string(pid_) + " has ended"};
    }
    unread_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

void child_process::finish(std::chrono::milliseconds time) {
  if (pid_ < 0) {
    return;
  }
  close(std::exchange(to_, -1));
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      kill();
      break;
    }
    std::this_thread::sleep_for(2ms);
  }
  close(std::exchange(from_, -1));
  pid_ = -1;
}

void child_process::kill() {
  ::kill(pid_, SIGKILL);
  // It stays a zombie until finish() has seen it.
  siginfo_t ended{};
  waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT);
}

} // namespace dynamo::apps
