#pragma once

#include "apps/app/http_face.hpp"
#include "apps/worker/worker.hpp"

#include <vector>

namespace dynamo::apps {

/// The paths that a worker answers:
///
///   POST /generate   runs a request; its answer comes when it is done, or in
///                    lines with "stream": true
///   POST /clear      empties the caches, if no request waits or runs
///   GET  /cache      every rank's blocks and the newest kv event among them
///   GET  /streams    the worker's publishers
///   GET  /healthz    200
///   GET  /readyz     200 when requests are taken and all publishers are known
///                    to discovery, else 503
///
/// `served` outlives the routes.
std::vector<http_route> worker_routes(worker& served, const options& settings);

/// Threads that the face of such a worker may need: one for each request that
/// runs or waits, up to a limit, and some for the other paths.
std::size_t worker_face_threads(const worker_options& settings);

} // namespace dynamo::apps
