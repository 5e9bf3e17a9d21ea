#pragma once

#include <cstdint>

namespace dynamo::test {

/// How many random cases a test plays: a fifth under sanitizers, which look for
/// other mistakes and take ten times as long.
constexpr std::uint64_t sample_size(std::uint64_t full) {
#if defined(DYNAMO_SANITIZED)
  return full < 5 ? 1 : full / 5;
#else
  return full;
#endif
}

} // namespace dynamo::test
