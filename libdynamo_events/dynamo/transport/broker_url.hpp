#pragma once

#include "dynamo/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// Where brokers are: publishers connect to every XSUB, subscribers to every
/// XPUB. Which of them belong together does not matter.
struct broker_endpoints {
  std::vector<std::string> xsub;
  std::vector<std::string> xpub;

  bool operator==(const broker_endpoints&) const = default;
};

/// Reads what Dynamo's DYN_ZMQ_BROKER_URL holds:
/// "xsub=tcp://a:5555;tcp://b:5555, xpub=tcp://a:5556;tcp://b:5556". One list
/// of each, in any order; blanks around parts and endpoints do not matter.
/// errc::invalid with the part that is wrong.
result<broker_endpoints> parse_broker_url(std::string_view url);

} // namespace dynamo
