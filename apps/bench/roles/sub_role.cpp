#include "apps/bench/roles/arrival_tally.hpp"
#include "apps/bench/roles/roles.hpp"
#include "apps/bench/roles/serve.hpp"

#include <nlohmann/json.hpp>

namespace dynamo::apps {

status run_sub(const sub_options& options, role_console& console) {
  arrival_tally tally{options.end.publishers, options.expected};
  auto opened = open_inlet(options.end, [&tally](const arrival_view& message) {
    tally.take(message);
  });
  if (!opened) {
    return std::move(opened).error();
  }
  serve_subscriber({[&] { return tally.is_warm(); },
                    [&] { return tally.is_complete(); },
                    [&] { return tally.received(); }, [&] { opened->reset(); },
                    [&] { return tally.result_json(); }},
                   console);
  return ok();
}

} // namespace dynamo::apps
