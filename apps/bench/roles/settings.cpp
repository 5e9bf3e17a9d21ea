#include "apps/bench/roles/settings.hpp"

#include "dynamo/discovery/open.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace dynamo::apps {

result<loaded_options> bench_configuration(transport_kind transport) {
  load_request sources;
  sources.variables = [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string{name}.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  };
  auto loaded = load_options(sources);
  if (!loaded) {
    return std::move(loaded).error();
  }
  loaded->values.plane.transport = transport;
  loaded->values.plane.zmq.bind = "127.0.0.1";
  return loaded;
}

result<options> bench_settings(transport_kind transport) {
  auto loaded = bench_configuration(transport);
  if (!loaded) {
    return std::move(loaded).error();
  }
  return std::move(loaded->values);
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
