#include "apps/app/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <utility>

namespace dynamo::apps {

std::shared_ptr<spdlog::logger> make_log(const std::string& program,
                                         const std::string& level) {
  auto log = std::make_shared<spdlog::logger>(
      program, std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  log->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-5l%$ %n: %v");
  log->set_level(spdlog::level::from_str(level));
  log->flush_on(spdlog::level::trace);
  return log;
}

actors::log_sink make_log_sink(std::shared_ptr<spdlog::logger> log) {
  return
      [log = std::move(log)](actors::log_level level, std::string_view text) {
        const auto severity = [level] {
          switch (level) {
          case actors::log_level::debug:
            return spdlog::level::debug;
          case actors::log_level::info:
            return spdlog::level::info;
          case actors::log_level::warn:
            return spdlog::level::warn;
          case actors::log_level::error:
            return spdlog::level::err;
          }
          return spdlog::level::info;
        }();
        log->log(severity, spdlog::string_view_t{text.data(), text.size()});
      };
}

} // namespace dynamo::apps
