#include "apps/bench/measures/single_role.hpp"

#include "apps/bench/stage.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <utility>

namespace dynamo::apps {

result<figures> run_single_role(const contender& who, const std::string& verb,
                                const std::vector<std::string>& flags) {
  using namespace std::chrono_literals;
  contender alone = who;
  alone.publisher_flags.clear();
  alone.subscriber_flags.clear();
  auto opened = stage::open(transport_kind::zmq);
  if (!opened) {
    return std::move(opened).error();
  }
  auto started = (*opened)->start(alone, verb, flags);
  if (!started) {
    return std::move(started).error();
  }
  const auto done = started->wait_for("result", 600s);
  started->end();
  if (!done) {
    return done.error();
  }
  figures all;
  for (const auto& [key, value] : done->items()) {
    if (value.is_number()) {
      all[key] = value.get<double>();
    } else if (value.is_object()) {
      for (const auto& [name, number] : value.items()) {
        all[key + "_" + name] = number.get<double>();
      }
    }
  }
  return all;
}

} // namespace dynamo::apps
