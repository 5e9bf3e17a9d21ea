#include "apps/events/input.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace dynamo::apps {

namespace {

// How late a wish to stop may be noticed.
constexpr int poll_ms = 100;

error io_error(const std::string& what, int number) {
  return {number == ENOENT ? errc::not_found : errc::io,
          what + ": " + std::strerror(number)};
}

error too_large() {
  return {errc::too_large, "input: expected at most " +
                               std::to_string(input_bytes_max) + " bytes"};
}

} // namespace

input::input(int fd, std::function<bool()> stopping)
    : fd_(fd)
    , stopping_(std::move(stopping)) {}

result<bool> input::more() {
  std::array<char, 65'536> chunk;
  while (!stopping_()) {
    pollfd wait{fd_, POLLIN, 0};
    const int ready = ::poll(&wait, 1, poll_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
      continue;
    }
    const ssize_t count =
        ready < 0 ? -1 : ::read(fd_, chunk.data(), chunk.size());
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
      return io_error("input", errno);
    }
    if (count == 0) {
      return false;
    }
    if (count > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(count));
      return true;
    }
  }
  return false;
}

result<std::optional<std::string>> input::line() {
  std::size_t searched = at_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      std::string found = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      return std::optional{std::move(found)};
    }
    buffer_.erase(0, at_);
    at_ = 0;
    searched = buffer_.size();
    if (buffer_.size() > input_bytes_max) {
      return too_large();
    }
    const auto came = more();
    if (!came) {
      return came.error();
    }
    if (!*came) {
      // What is cut off by a wish to stop is no line.
      if (buffer_.empty() || stopping_()) {
        return std::optional<std::string>{};
      }
      return std::optional{std::exchange(buffer_, {})};
    }
  }
}

result<byte_buffer> input::all() {
  for (;;) {
    const auto came = more();
    if (!came) {
      return came.error();
    }
    if (buffer_.size() > input_bytes_max) {
      return too_large();
    }
    if (!*came) {
      const byte_view bytes = bytes_of(buffer_);
      return byte_buffer{bytes.begin(), bytes.end()};
    }
  }
}

result<byte_buffer> read_file(const std::string& path,
                              std::function<bool()> stopping) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return io_error(path, errno);
  }
  auto content = input{fd, std::move(stopping)}.all();
  ::close(fd);
  return content;
}

} // namespace dynamo::apps
