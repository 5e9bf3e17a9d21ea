#pragma once

#include "apps/app/arguments.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/base/mutex.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace dynamo::apps {

/// What a program says on stdout: one line at a time, written at once, never
/// mixed with another's. Thread-safe.
class output {
 public:
  /// Writes to the descriptor `fd`, which stays open. `on_closed` is called
  /// once, when nobody reads any more; later lines are dropped.
  output(int fd, output_mode mode, const clock& time,
         std::function<void()> on_closed);

  output_mode mode() const { return mode_; }

  /// json_lines: `fields`, an object, as one line that begins with the members
  /// "event" and "time_ms". readable: `text`, when it is not empty.
  void event(std::string_view name, const nlohmann::json& fields,
             std::string_view text);

  /// A line as it is, in either mode.
  void line(std::string_view text);

 private:
  const int fd_;
  const output_mode mode_;
  const clock& time_;
  const std::function<void()> on_closed_;
  mutex mutex_;
  bool closed_ DYNAMO_GUARDED_BY(mutex_) = false;
};

} // namespace dynamo::apps
