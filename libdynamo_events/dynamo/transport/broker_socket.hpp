#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/transport/peer_monitor.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <zmq.hpp>

#include <string>

namespace dynamo {

/// errc::invalid for an endpoint that is not tcp:// or ipc://. Hosts may be
/// names, which libzmq looks up.
status check_broker_endpoint(const std::string& endpoint);

/// What both sockets towards a broker have in common: they connect again by
/// themselves, soon at first, and notice a broker that is silent.
void set_broker_socket(zmq::socket_t& socket, const zmq_options& options);

/// Notes in `status` what happened to the socket's connection.
void note_signal(const peer_signal& signal, path_status& status);

} // namespace dynamo
