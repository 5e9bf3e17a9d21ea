#include "apps/bench/roles/settings.hpp"

#include "dynamo/config/load.hpp"
#include "dynamo/discovery/open.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace dynamo::apps {

result<options> bench_settings(transport_kind transport) {
  load_request sources;
  sources.variables = [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string{name}.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  };
  auto loaded = load_options(sources);
  if (!loaded) {
    return std::move(loaded).error();
  }
  options values = std::move(loaded->values);
  values.plane.transport = transport;
  values.plane.zmq.bind = "127.0.0.1";
  return values;
}

result<std::unique_ptr<discovery>>
open_bench_discovery(transport_kind transport) {
  const auto values = bench_settings(transport);
  if (!values) {
    return values.error();
  }
  return make_discovery(values->plane.discovery,
                        [](const std::string& text) {
                          std::fprintf(stderr, "discovery: %s\n", text.c_str());
                        },
                        {});
}

} // namespace dynamo::apps
