#include "dynamo/router/prefix_index.hpp"

#include "dynamo/router/flat_index.hpp"
#include "dynamo/router/tree_index.hpp"

namespace dynamo {

std::unique_ptr<prefix_index> make_prefix_index(const index_options& options,
                                                std::uint64_t seed) {
  if (options.removal == removal_policy::cascade)
    return std::make_unique<tree_index>(options);
  return std::make_unique<flat_index>(options, seed);
}

} // namespace dynamo
