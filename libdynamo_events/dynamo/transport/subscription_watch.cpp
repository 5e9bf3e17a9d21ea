#include "dynamo/transport/subscription_watch.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace dynamo {

namespace {

error refused(const char* call) {
  return {errc::io, std::string{call} + ": " + std::strerror(errno)};
}

} // namespace

result<std::unique_ptr<subscription_watch>> subscription_watch::make() {
  const int descriptor = epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) {
    return refused("epoll_create1");
  }
  return std::unique_ptr<subscription_watch>{
      new subscription_watch{descriptor}};
}

subscription_watch::~subscription_watch() {
  close(descriptor_);
}

status subscription_watch::add(int descriptor, std::uint64_t publisher_id) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLET;
  wanted.data.u64 = publisher_id;
  if (epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &wanted) != 0) {
    return refused("epoll_ctl");
  }
  return ok();
}

bool subscription_watch::take() {
  std::array<epoll_event, 64> edges;
  bool has_some = false;
  const lock_guard guard{mutex_};
  for (;;) {
    // It can only fail when there is nothing to take.
    const int count = epoll_wait(descriptor_, edges.data(), edges.size(), 0);
    if (count <= 0) {
      return has_some;
    }
    has_some = true;
    for (int i = 0; i < count; ++i) {
      // A copy, for the system's struct is packed.
      const std::uint64_t id = edges[static_cast<std::size_t>(i)].data.u64;
      stirred_.insert(id);
    }
  }
}

std::set<std::uint64_t> subscription_watch::stirred() {
  const lock_guard guard{mutex_};
  return std::exchange(stirred_, {});
}

} // namespace dynamo
