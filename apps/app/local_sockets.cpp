#include "apps/app/local_sockets.hpp"

#include <dirent.h>

#include <arpa/inet.h>
#include <cstdlib>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>

namespace dynamo::apps {

namespace {

std::uint16_t port_in(const sockaddr_storage& name) {
  if (name.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
  }
  if (name.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port);
  }
  return 0;
}

using name_call = int (*)(int, sockaddr*, socklen_t*);

/// 0 for what is no TCP socket, or not connected when asked for the peer's.
std::uint16_t port_of(int fd, name_call name_of) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (name_of(fd, reinterpret_cast<sockaddr*>(&name), &length) != 0) {
    return 0;
  }
  int type = 0;
  socklen_t type_length = sizeof type;
  const bool stream =
      ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) == 0 &&
      type == SOCK_STREAM;
  return stream ? port_in(name) : 0;
}

} // namespace

// The sockets belong to a library that keeps them to itself; the kernel's list
// is the only other place that knows them.
void shut_down_reading(std::uint16_t port,
                       const std::function<bool(std::uint16_t peer)>& spare) {
  struct close_folder {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, close_folder> folder{::opendir("/proc/self/fd")};
  if (!folder) {
    return;
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    const int fd = std::atoi(entry->d_name);
    if (fd <= 2 || port_of(fd, ::getsockname) != port) {
      continue;
    }
    const std::uint16_t peer = port_of(fd, ::getpeername);
    if (peer != 0 && !spare(peer)) {
      ::shutdown(fd, SHUT_RD);
    }
  }
}

} // namespace dynamo::apps
