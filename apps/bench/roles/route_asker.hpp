#pragma once

#include "actors/routing.hpp"
#include "apps/router/router_face.hpp"
#include "dynamo/base/error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dynamo::apps {

/// What a choice said: a worker that has blocks of the prompt, another one, or
/// none.
enum class route_outcome { matched, elsewhere, refused };

/// Asks a router for a worker for a request, and says that the request ended.
class route_asker {
 public:
  virtual ~route_asker() = default;
  /// `hashes`: the local hash of each block of the prompt.
  virtual result<route_outcome>
  choose(const std::string& id, const std::vector<std::uint64_t>& hashes) = 0;
  virtual status end(const std::string& id) = 0;
};

/// In the process. The router must outlive it.
result<std::unique_ptr<route_asker>> ask_directly(actors::routing& router);

/// By POST /route, over one connection to a router's HTTP face on loopback. The
/// parts must outlive it.
result<std::unique_ptr<route_asker>> ask_over_http(const router_parts& parts);

} // namespace dynamo::apps
