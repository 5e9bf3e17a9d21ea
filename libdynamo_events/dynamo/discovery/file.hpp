#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/file_store.hpp"
#include "dynamo/discovery/file_timing.hpp"

#include <cstdint>
#include <memory>

namespace dynamo {

/// Discovery in a directory that processes of one machine share, Dynamo's among
/// them. Runs one thread, which does all work on files; members wait for it.
/// What it does and why is in README.md beside this file.
///
/// errc::invalid when the root directory is not there and cannot be made. What
/// happens to it later is no error: watchers are told watch_stale.
result<std::unique_ptr<discovery>>
make_file_discovery(const file_discovery_options& options,
                    std::uint64_t instance_id, notice_sink notice);

/// The same with other times, or without hard links, for tests.
struct file_discovery_request {
  file_discovery_options options;
  std::uint64_t instance_id = 0;
  notice_sink notice;
  file_timing timing;
  file_publishing publishing = file_publishing::link;
};
result<std::unique_ptr<discovery>>
make_file_discovery(file_discovery_request request);

} // namespace dynamo
