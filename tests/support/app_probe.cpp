#include "apps/app/application.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

// Runs until it is stopped; --fail says how it ends.
int main(int argc, char** argv) {
  std::string failure;
  bool hang = false;
  dynamo::apps::program self;
  self.name = "app-probe";
  self.summary = "Starts, waits and stops.";
  self.add_arguments = [&](CLI::App& app) {
    app.add_option("--fail", failure, "Ends at once with this error");
    app.add_flag("--hang", hang, "Does not end when asked to");
  };
  return dynamo::apps::run(
      self, argc, argv, [&](dynamo::apps::application& app) -> dynamo::status {
        if (failure == "throw") {
          return dynamo::error{dynamo::errc::io,
                               std::vector<std::string>{}.at(1)};
        }
        if (failure == "unsupported") {
          return dynamo::error{dynamo::errc::unsupported, "not in this build"};
        }
        app.started({{"answer", 42}});
        app.log_sink()(dynamo::actors::log_level::info, "through the sink {}");
        app.wait_for_stop();
        if (hang) {
          app.out().event("hanging", nlohmann::json::object(), "hanging");
          for (;;) {
            std::this_thread::sleep_for(std::chrono::hours{1});
          }
        }
        if (failure == "late") {
          return dynamo::error{dynamo::errc::io, "it broke"};
        }
        return dynamo::ok();
      });
}
