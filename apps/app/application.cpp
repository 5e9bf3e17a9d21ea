#include "apps/app/application.hpp"

#include "apps/app/allocator.hpp"
#include "apps/app/file_limit.hpp"
#include "apps/app/log.hpp"
#include "dynamo/config/schema.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <exception>
#include <unistd.h>
#include <utility>

namespace dynamo::apps {

namespace {

/// A choice as configuration files name it.
std::string named(const options& values, std::string_view key) {
  for (const setting& each : schema()) {
    const scalar value = each.key == key ? each.read(values) : scalar{};
    if (const auto* text = std::get_if<std::string>(&value)) {
      return *text;
    }
  }
  return {};
}

status call(const std::function<status(application&)>& body,
            application& running) {
  try {
    return body(running);
  } catch (const std::exception& thrown) {
    // Nothing of ours throws; a library did, where nobody expected it.
    return error{errc::io, std::string{"unexpected: "} + thrown.what()};
  }
}

int exit_code_of(const error& reason) {
  const bool configuration =
      reason.code == errc::invalid || reason.code == errc::unsupported;
  return configuration ? exit_configuration : exit_failure;
}

} // namespace

application::application(const program& self, arguments given,
                         stop_signal& stop)
    : self_(self)
    , given_(std::move(given))
    , stop_(stop)
    , log_(make_log(self.name, settings().log.level))
    , out_(STDOUT_FILENO, given_.output, clock_, [this] { request_stop(); }) {
  for (const std::string& warning : given_.configuration.warnings) {
    log_->warn("{}", warning);
  }
}

actors::log_sink application::log_sink() const {
  return make_log_sink(log_);
}

void application::started(const nlohmann::json& fields) {
  nlohmann::json all = {{"program", self_.name},
                        {"pid", ::getpid()},
                        {"transport", named(settings(), "event_plane")},
                        {"discovery", named(settings(), "discovery.backend")}};
  if (fields.is_object()) {
    all.update(fields);
  }
  std::string text = self_.name + " started:";
  for (const auto& [key, value] : all.items()) {
    if (key != "program") {
      text += ' ' + key + '=' +
              (value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  started_ = true;
  out_.event("started", all, text);
}

void application::stopped() {
  if (started_) {
    out_.event("stopped", nlohmann::json::object(), self_.name + " stopped");
  }
}

int run(const program& self, int argc, const char* const* argv,
        const std::function<status(application&)>& body) {
  if (self.http == http_face_use::serves) {
    settle_allocator(const_cast<char* const*>(argv));
  }
  // Before all else, so that every thread inherits the blocked signals.
  auto stop = stop_signal::watch();
  if (!stop) {
    std::fprintf(stderr, "%s: %s\n", self.name.c_str(),
                 stop.error().message.c_str());
    return exit_failure;
  }
  raise_file_limit();
  auto parsed = parse_arguments(
      self, std::vector<std::string>{argv + (argc > 0 ? 1 : 0), argv + argc},
      process_environment());
  if (const auto* exit = std::get_if<early_exit>(&parsed)) {
    std::fputs(exit->output.c_str(), stdout);
    std::fflush(stdout);
    std::fputs(exit->message.c_str(), stderr);
    return exit->code;
  }
  application running{self, std::get<arguments>(std::move(parsed)), **stop};
  const status done = call(body, running);
  // Whoever gave up because of a signal did what was asked.
  const bool is_obeyed =
      !done && done.error().code == errc::closed && running.stopping();
  if (!done && !is_obeyed) {
    running.log().error("{}", done.error().message);
  }
  running.stopped();
  return done || is_obeyed ? exit_success : exit_code_of(done.error());
}

} // namespace dynamo::apps
