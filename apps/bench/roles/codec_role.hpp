#pragma once

#include "apps/bench/roles/role_console.hpp"
#include "dynamo/base/error.hpp"

#include <cstddef>

namespace CLI {
class App;
} // namespace CLI

namespace dynamo::apps {

enum class codec_kind {
  /// The codec of wire/.
  wire,
  /// codec_bound.hpp.
  bound,
};

enum class codec_value { envelope, kv_events, load, sequence };

struct codec_options {
  codec_kind which = codec_kind::wire;
  codec_value value = codec_value::envelope;
  /// Of kv events and sequences.
  std::size_t blocks = 8;
  /// Values each way.
  std::size_t count = 2'000'000;
};

void add_codec(CLI::App& app, codec_options& to);

/// Writes one value and reads it again, many times over, and says one result:
/// nanoseconds and allocations for each. Fails when the two codecs do not write
/// the same bytes, or when what is read is not what was written.
status run_codec(const codec_options& options, role_console& console);

} // namespace dynamo::apps
