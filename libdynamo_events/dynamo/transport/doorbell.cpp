#include "dynamo/transport/doorbell.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/eventfd.h>
#include <unistd.h>

namespace dynamo {

result<std::unique_ptr<doorbell>> doorbell::make() {
  const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) {
    return error{errc::io, std::string{"eventfd: "} + std::strerror(errno)};
  }
  return std::unique_ptr<doorbell>{new doorbell{descriptor}};
}

doorbell::~doorbell() {
  close(descriptor_);
}

void doorbell::ring() {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then it is readable.
  [[maybe_unused]] const auto written = write(descriptor_, &one, sizeof one);
}

void doorbell::clear() {
  std::uint64_t rings = 0;
  // It can only fail when nobody rang.
  [[maybe_unused]] const auto taken = read(descriptor_, &rings, sizeof rings);
}

} // namespace dynamo
