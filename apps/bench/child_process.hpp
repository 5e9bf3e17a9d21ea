#pragma once

#include "dynamo/base/error.hpp"

#include <chrono>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace dynamo::apps {

/// A process that was started with a pipe to its stdin and one from its stdout;
/// its stderr goes into a file. For one thread. It is ended, by its pid, when
/// this is destroyed.
class child_process {
 public:
  struct plan {
    /// Program and arguments; a program without a slash is looked for in PATH.
    std::vector<std::string> command;
    /// Set beside what this process's environment has.
    std::map<std::string, std::string> environment;
    std::string stderr_path;
  };

  static result<child_process> start(const plan& wanted);

  ~child_process();
  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&& other) noexcept;

  /// Writes a line to its stdin; errc::closed when it is gone.
  status write_line(const std::string& line);

  /// The next line of its stdout. errc::unavailable when there is none in time,
  /// errc::closed when it has ended.
  result<std::string> read_line(std::chrono::milliseconds time);

  pid_t pid() const { return pid_; }

  /// Kills it and waits for its end.
  void kill();

  /// Closes its stdin and waits for its end; after `time` it is killed.
  void finish(std::chrono::milliseconds time);

 private:
  child_process(pid_t pid, int to, int from)
      : pid_(pid)
      , to_(to)
      , from_(from) {}

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string unread_;
};

} // namespace dynamo::apps
