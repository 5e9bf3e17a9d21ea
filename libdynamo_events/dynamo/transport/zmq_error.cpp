#include "dynamo/transport/zmq_error.hpp"

#include <zmq.h>

#include <string>

namespace dynamo {

error zmq_failure(int code, std::string_view what) {
  const std::string text = std::string{what} + ": " + zmq_strerror(code);
  switch (code) {
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
    return {errc::unavailable,
            text + "; no socket is left: raise the open file limit "
                   "(ulimit -n) or zmq.sockets_max"};
  case EADDRINUSE:
  case EAGAIN:
    return {errc::unavailable, text};
  case ETERM:
    return {errc::closed, text};
  case EINVAL:
    return {errc::invalid, text};
  default:
    return {errc::io, text};
  }
}

} // namespace dynamo
