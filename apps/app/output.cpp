#include "apps/app/output.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace dynamo::apps {

namespace {

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

output::output(int fd, output_mode mode, const clock& time,
               std::function<void()> on_closed)
    : fd_(fd)
    , mode_(mode)
    , time_(time)
    , on_closed_(std::move(on_closed)) {}

void output::event(std::string_view name, const nlohmann::json& fields,
                   std::string_view text) {
  if (mode_ == output_mode::readable) {
    if (!text.empty()) {
      line(text);
    }
    return;
  }
  // Put together by hand: an object of the library sorts its members.
  std::string whole = "{\"event\":" + dump(name) + ",\"time_ms\":" +
                      std::to_string(time_.unix_time().count());
  const std::string rest = dump(fields);
  if (fields.is_object() && !fields.empty()) {
    whole += ',' + rest.substr(1);
  } else {
    whole += '}';
  }
  line(whole);
}

void output::line(std::string_view text) {
  std::string whole{text};
  whole += '\n';
  bool failed = false;
  {
    // The one lock that is held while writing: it is what keeps lines whole.
    const lock_guard guard{mutex_};
    if (closed_) {
      return;
    }
    closed_ = failed = !write_all(fd_, whole);
  }
  if (failed && on_closed_) {
    on_closed_();
  }
}

} // namespace dynamo::apps
