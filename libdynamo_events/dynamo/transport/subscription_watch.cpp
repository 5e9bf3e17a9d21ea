#include "dynamo/transport/subscription_watch.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>

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

status subscription_watch::add(int descriptor) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLET;
  if (epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &wanted) != 0) {
    return refused("epoll_ctl");
  }
  return ok();
}

bool subscription_watch::take() {
  std::array<epoll_event, 64> edges;
  bool stirred = false;
  // It can only fail when there is nothing to take.
  while (epoll_wait(descriptor_, edges.data(), edges.size(), 0) > 0) {
    stirred = true;
  }
  return stirred;
}

} // namespace dynamo
