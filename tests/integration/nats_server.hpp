#pragma once

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "server_fixture.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"

// Real NATS servers on loopback that a test starts, stops, kills and freezes.

namespace dynamo::nats_test {

using namespace std::chrono_literals;
using test::certificates;
using test::read_file;
using test::temporary_directory;
using test::write_file;

/// A nats-server process. The first start takes a free port, which later
/// starts use again.
class nats_server_process {
 public:
  /// `config` is added to the configuration file.
  explicit nats_server_process(std::string config = {},
                               std::string host = "127.0.0.1")
      : config_(std::move(config))
      , host_(std::move(host)) {
    start();
  }
  ~nats_server_process() { kill(SIGKILL); }
  nats_server_process(const nats_server_process&) = delete;
  nats_server_process& operator=(const nats_server_process&) = delete;

  void start() {
    const std::string config = directory_ / "server.conf";
    write_file(config, "host: \"" + host_ + "\"\nport: " +
                           std::to_string(port_) + "\nports_file_dir: \"" +
                           directory_ / "" + "\"\n" + config_ + "\n");
    const std::string log = directory_ / "server.log";
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(out, 1);
      dup2(out, 2);
      execlp("nats-server", "nats-server", "-c", config.c_str(), nullptr);
      _exit(127);
    }
    const std::string ports =
        directory_ / ("nats-server_" + std::to_string(pid_) + ".ports");
    const bool is_ready = eventually([&] {
      port_ = port_in(read_file(ports), "\"nats\"");
      return port_ > 0;
    });
    INFO(read_file(log));
    REQUIRE(is_ready);
    cluster_port_ = port_in(read_file(ports), "\"cluster\"");
  }

  /// Changes what was added to the configuration, for the next start.
  void configure(std::string config) { config_ = std::move(config); }

  void send(int signal) const { ::kill(pid_, signal); }
  /// Returns when all of its threads stand still.
  void freeze() const {
    send(SIGSTOP);
    waitpid(pid_, nullptr, WUNTRACED);
  }
  void thaw() const { send(SIGCONT); }

  /// Ends the process and waits until it is gone.
  void kill(int signal = SIGKILL) {
    if (pid_ > 0) {
      send(signal);
      waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }

  int port() const { return port_; }
  int cluster_port() const { return cluster_port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url() const { return "nats://" + address(); }
  std::string log() const { return read_file(directory_ / "server.log"); }

 private:
  /// The port of the first URL after a name, or -1.
  static int port_in(const std::string& json, const std::string& name) {
    const std::size_t list = json.find(name);
    const std::size_t scheme = json.find("://", list);
    const std::size_t end = json.find('"', scheme);
    if (list == std::string::npos || scheme == std::string::npos ||
        end == std::string::npos) {
      return -1;
    }
    return std::atoi(json.c_str() + json.rfind(':', end) + 1);
  }

  temporary_directory directory_;
  std::string config_;
  const std::string host_;
  int port_ = -1;
  int cluster_port_ = -1;
  pid_t pid_ = -1;
};

/// Says who it is to the first client that comes, and nothing after that.
class silent_server {
 public:
  silent_server() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(socket_, any, size) == 0);
    REQUIRE(listen(socket_, 8) == 0);
    REQUIRE(getsockname(socket_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    greeter_ = std::thread{[this] {
      const int client = accept(socket_, nullptr, nullptr);
      const std::string greeting =
          "INFO {\"server_id\":\"x\",\"version\":\"2.9.10\",\"proto\":1,"
          "\"max_payload\":1024,\"headers\":true}\r\n";
      send(client, greeting.data(), greeting.size(), MSG_NOSIGNAL);
      client_ = client;
    }};
  }
  ~silent_server() {
    shutdown(socket_, SHUT_RDWR);
    greeter_.join();
    close(client_);
    close(socket_);
  }
  silent_server(const silent_server&) = delete;
  silent_server& operator=(const silent_server&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_ = -1;
  int client_ = -1;
  int port_ = 0;
  std::thread greeter_;
};

/// The part of a configuration that makes a server use a certificate.
inline std::string tls_config(const certificates& made,
                              const std::string& name) {
  return "tls { cert_file: \"" + made.path(name + ".pem") + "\", key_file: \"" +
         made.path(name + ".key") + "\" }";
}

} // namespace dynamo::nats_test
