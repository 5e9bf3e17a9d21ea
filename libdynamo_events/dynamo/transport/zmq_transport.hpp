#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/transport/transport.hpp"

#include <memory>

namespace dynamo {

/// Direct ZMQ: a bound socket for every publisher, and one thread that
/// connects to the publishers of others. Has the one libzmq context of the
/// process; destroying it waits for unsent messages for at most
/// `options.linger`.
///
/// errc::invalid names the option that is not acceptable, errc::io says what
/// the system refused.
result<std::unique_ptr<transport>>
make_zmq_transport(const zmq_options& options);

} // namespace dynamo
