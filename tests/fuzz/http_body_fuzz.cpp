// Everything that a client can put into a request to the router.

#include "apps/app/json_body.hpp"
#include "apps/app/prompt.hpp"
#include "apps/router/route_body.hpp"
#include "dynamo/base/bytes.hpp"

#include <nlohmann/json.hpp>

#include "fuzz/target.hpp"

using namespace dynamo;
using namespace dynamo::apps;
using nlohmann::json;

namespace {

constexpr route_limits limits{4, 64};

template <class Integer>
bool is_same(const std::optional<std::vector<Integer>>& taken,
             const json& whole, const json& rest, const char* name) {
  return taken ? rest.at(name).is_null() && whole.at(name) == json(*taken)
               : whole.contains(name) == rest.contains(name);
}

/// The fast way to read a body finds what the slow one does.
void compare(std::string_view text) {
  const auto whole = parse_body(text);
  const auto fast = parse_prompt_body(text);
  require(static_cast<bool>(whole) == static_cast<bool>(fast),
          "both ways accept the same texts");
  if (!whole) {
    return;
  }
  const number_arrays& arrays = fast->arrays;
  require(is_same(arrays.tokens, *whole, fast->members, "tokens"),
          "tokens are read as they are written");
  require(is_same(arrays.block_hashes, *whole, fast->members, "block_hashes"),
          "block hashes are read as they are written");
}

void read_request(std::string_view text) {
  const auto request = route_request_from(text, limits);
  if (!request) {
    require(!request.error().message.empty(), "a refusal has a reason");
    return;
  }
  require(!request->request_id.empty() &&
              request->request_id.size() <= request_id_bytes_max,
          "an id is bounded");
  require(request->local.size() <= limits.blocks_max, "a prompt is bounded");
  require(request->prompt_tokens >= request->local.size() * limits.block_size,
          "blocks are full");
  require(request->allowed_workers.size() <= allowed_workers_max &&
              request->required_taints.size() <= taints_max &&
              request->preferred_taints.size() <= taints_max,
          "lists are bounded");
}

void read_path(std::string_view text) {
  const path_pattern pattern{"/requests/{id}/output_block"};
  if (const auto found = pattern.match(text)) {
    const std::string& id = found->at("id");
    require(!id.empty() && id.size() <= path_parameter_bytes_max,
            "a parameter is bounded");
  }
  const http_parameters query{{"limit", std::string{text}},
                              {"explain", std::string{text}}};
  const auto limit = limit_from(query, 10, 1000);
  require(!limit || *limit <= 1000, "a limit is bounded");
  static_cast<void>(explain_from(query));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const std::string_view text = text_of({bytes, size});
  compare(text);
  read_request(text);
  read_path(text);
  static_cast<void>(overlap_hashes_from(text, limits.blocks_max));
  static_cast<void>(expect_no_members(text));
  if (const auto progress = progress_from(text); progress && *progress) {
    require(**progress >= 0 && **progress <= 1, "progress is a fraction");
  }
  return 0;
}
