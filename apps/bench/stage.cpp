#include "apps/bench/stage.hpp"

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <unistd.h>
#include <utility>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto server_start_time = 10s;

/// Roles that take the flags of publishers; the others are subscribers.
bool is_publisher(const std::string& verb) {
  return verb == "pub" || verb == "ping" || verb == "kv-pub";
}

/// Debian has nats-server where only root looks for programs.
std::string nats_server_program() {
  const std::string packaged = "/usr/sbin/nats-server";
  return access(packaged.c_str(), X_OK) == 0 ? packaged : "nats-server";
}

/// The URL in the file that a nats-server writes about its ports.
std::optional<std::string> url_in(const std::string& path) {
  std::ifstream file{path};
  const auto ports = nlohmann::json::parse(file, nullptr, false);
  if (!ports.is_object() || !ports.contains("nats") || ports["nats"].empty()) {
    return std::nullopt;
  }
  return ports["nats"][0].get<std::string>();
}

/// The address in the log of an etcd that serves; 3.4, and 3.5 and later.
std::optional<std::string> etcd_address_in(const std::string& path) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    for (const std::string_view mark :
         {"client requests on ", "\"address\":\""}) {
      const std::size_t found = line.find(mark);
      if (found != std::string::npos) {
        const std::size_t first = found + mark.size();
        return line.substr(first, line.find_first_of(",\"", first) - first);
      }
    }
  }
  return std::nullopt;
}

/// Until `find` finds something, for as long as a server may take to start.
std::optional<std::string>
wait_for(const std::function<std::optional<std::string>()>& find) {
  const auto deadline = std::chrono::steady_clock::now() + server_start_time;
  while (std::chrono::steady_clock::now() < deadline) {
    if (auto found = find()) {
      return found;
    }
    std::this_thread::sleep_for(5ms);
  }
  return std::nullopt;
}

} // namespace

result<std::unique_ptr<stage>> stage::open(transport_kind transport,
                                           store records) {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "dynamo-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return error{errc::io, "make the directory " + pattern};
  }
  std::unique_ptr<stage> opened{new stage{transport, pattern}};
  const std::string store = pattern + "/store";
  std::filesystem::create_directory(store);
  opened->environment_ = {
      {"DYN_DISCOVERY_BACKEND", "file"},
      {"DYN_FILE_KV", store},
      {"DYN_EVENT_PLANE", transport == transport_kind::nats ? "nats" : "zmq"},
      {"DYN_EVENT_PLANE_HOST", "127.0.0.1"},
      {"DYN_NAMESPACE", "bench"}};
  if (transport == transport_kind::nats) {
    if (const status begun = opened->start_server("-1"); !begun) {
      return begun.error();
    }
    opened->environment_["NATS_SERVER"] = opened->server_url_;
  }
  if (records == store::etcd) {
    if (const status begun = opened->start_etcd(); !begun) {
      return begun.error();
    }
  }
  return opened;
}

stage::~stage() {
  server_.reset();
  etcd_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

status stage::start_server(const std::string& port) {
  auto started =
      child_process::start({{nats_server_program(), "-a", "127.0.0.1", "-p",
                             port, "--ports_file_dir", directory_},
                            {},
                            log_path()});
  if (!started) {
    return started.error();
  }
  server_ = *std::move(started);
  const std::string file =
      directory_ + "/nats-server_" + std::to_string(server_->pid()) + ".ports";
  const auto url = wait_for([&file] { return url_in(file); });
  if (!url) {
    return error{errc::unavailable,
                 "nats-server wrote no " + file + "; see " + log_path()};
  }
  server_url_ = *url;
  return ok();
}

status stage::start_etcd() {
  const std::string any = "http://127.0.0.1:0";
  const std::string log = directory_ + "/etcd.log";
  auto started = child_process::start(
      {{"etcd", "--data-dir", directory_ + "/etcd", "--unsafe-no-fsync",
        "--listen-client-urls", any, "--advertise-client-urls", any,
        "--listen-peer-urls", any, "--initial-advertise-peer-urls", any,
        "--initial-cluster", "default=" + any},
       {},
       log});
  if (!started) {
    return started.error();
  }
  etcd_ = *std::move(started);
  const auto address = wait_for([&log] { return etcd_address_in(log); });
  if (!address) {
    return error{errc::unavailable, "etcd does not serve; see " + log};
  }
  environment_["DYN_DISCOVERY_BACKEND"] = "etcd";
  environment_["ETCD_ENDPOINTS"] = "http://" + *address;
  return ok();
}

status stage::start_server_again() {
  return start_server(server_url_.substr(server_url_.rfind(':') + 1));
}

result<role_process> stage::start(const contender& who, const std::string& verb,
                                  std::vector<std::string> flags) {
  child_process::plan plan{who.program, environment_, log_path()};
  plan.command.insert(plan.command.end(), {"role", verb, "--transport",
                                           environment_["DYN_EVENT_PLANE"]});
  const auto& own =
      is_publisher(verb) ? who.publisher_flags : who.subscriber_flags;
  plan.command.insert(plan.command.end(), own.begin(), own.end());
  plan.command.insert(plan.command.end(), flags.begin(), flags.end());
  auto started = child_process::start(plan);
  if (!started) {
    return std::move(started).error();
  }
  return role_process{who.name + " " + verb, *std::move(started)};
}

} // namespace dynamo::apps
