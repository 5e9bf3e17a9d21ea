#pragma once

#include "dynamo/discovery/etcd_messages.hpp"
#include "dynamo/discovery/grpc_channel.hpp"
#include "dynamo/discovery/protobuf.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "server_fixture.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"

// Real etcd servers on loopback that a test starts, stops, kills and freezes,
// and a hand to reach into them.

namespace dynamo::etcd_test {

using test::certificates;
using test::read_file;
using test::temporary_directory;

/// An etcd process with a cluster of its own, without its JSON gateway. The
/// first start takes a free port, which later starts use again.
class etcd_server_process {
 public:
  explicit etcd_server_process(std::vector<std::string> flags = {},
                               std::string scheme = "http")
      : flags_(std::move(flags))
      , scheme_(std::move(scheme)) {
    start();
  }
  ~etcd_server_process() { kill(SIGKILL); }
  etcd_server_process(const etcd_server_process&) = delete;
  etcd_server_process& operator=(const etcd_server_process&) = delete;

  void start() {
    const std::string log_path = directory_ / "log";
    const std::size_t said = log().size();
    std::vector<std::string> words{
        "etcd", "--data-dir", directory_ / "data",
        // No test cuts the power.
        "--unsafe-no-fsync", "--listen-client-urls", url(),
        "--advertise-client-urls", url(), "--listen-peer-urls", "unix://peer:1",
        "--initial-advertise-peer-urls", "unix://peer:1", "--initial-cluster",
        "default=unix://peer:1", "--enable-grpc-gateway=false"};
    words.insert(words.end(), flags_.begin(), flags_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out =
          open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(out, 1);
      dup2(out, 2);
      if (chdir((directory_ / "").c_str()) == 0) {
        execvp("etcd", arguments.data());
      }
      _exit(127);
    }
    const bool is_ready = eventually([&] {
      const auto told = port_in(log().substr(said));
      port_ = told.value_or(port_);
      return told.has_value();
    });
    INFO(log());
    REQUIRE(is_ready);
  }

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

  /// What an operator does who puts an empty disk in.
  void forget_everything() const {
    std::filesystem::remove_all(directory_ / "data");
  }

  std::string url() const {
    return scheme_ + "://127.0.0.1:" + std::to_string(port_);
  }
  std::string log() const { return read_file(directory_ / "log"); }

 private:
  static std::optional<int> port_in(const std::string& log) {
    // 3.4, and 3.5 and later.
    for (const std::string mark :
         {"client requests on 127.0.0.1:", "\"address\":\"127.0.0.1:"}) {
      for (std::size_t at = log.find(mark); at != std::string::npos;
           at = log.find(mark, at + 1)) {
        const int port = std::atoi(log.c_str() + at + mark.size());
        if (port > 0 && log.find('\n', at) != std::string::npos) {
          return port;
        }
      }
    }
    return std::nullopt;
  }

  temporary_directory directory_;
  const std::vector<std::string> flags_;
  const std::string scheme_;
  int port_ = 0;
  pid_t pid_ = -1;
};

/// Calls a server one by one, as an operator does with a tool.
class etcd_hand {
 public:
  explicit etcd_hand(const std::string& url, const std::string& ca = {})
      : channel_(target_of(url, ca)) {}

  struct outcome {
    grpc_end end;
    std::vector<std::string> messages;
  };

  outcome call(std::string_view method, std::string message) {
    outcome got;
    bool is_over = false;
    grpc_call call{method, std::move(message), {}, std::chrono::seconds{5}};
    if (!token.empty()) {
      call.headers.push_back("authorization: " + token);
    }
    channel_.start(std::move(call), {[&](std::string piece) {
                                       got.messages.push_back(std::move(piece));
                                     },
                                     [&](const grpc_end& end) {
                                       got.end = end;
                                       is_over = true;
                                     }});
    while (!is_over) {
      channel_.run(-1, std::chrono::milliseconds{100});
    }
    return got;
  }

  /// The message of a call that has to succeed.
  std::string must(std::string_view method, std::string message) {
    outcome got = call(method, std::move(message));
    INFO(method << ": " << got.end.reason);
    REQUIRE(got.end.is_ok());
    REQUIRE(got.messages.size() == 1);
    return std::move(got.messages.front());
  }

  std::vector<etcd_key_value> keys(const std::string& prefix) {
    return range(prefix).values;
  }
  std::int64_t revision() { return range("v1/").revision; }

  void put(const std::string& key, const std::string& value,
           std::int64_t lease = 0) {
    etcd_txn_request request;
    request.success.push_back(
        {etcd_operation::kind::put, key, value, lease, false});
    must(etcd_method::txn, encode(request));
  }
  void remove(const std::string& key) {
    etcd_txn_request request;
    request.success.push_back({.is = etcd_operation::kind::remove, .key = key});
    must(etcd_method::txn, encode(request));
  }
  std::int64_t grant(std::int64_t ttl_seconds) {
    return decode_lease(must(etcd_method::lease_grant,
                             encode_lease_grant(ttl_seconds, 0)))
        ->id;
  }
  void revoke(std::uint64_t lease) {
    must(etcd_method::lease_revoke,
         encode_lease_id(static_cast<std::int64_t>(lease)));
  }
  void compact() {
    must("/etcdserverpb.KV/Compact", encode_lease_id(revision()));
  }

  /// Makes the user "root", who may do everything, and asks everybody for a
  /// password from then on.
  void enable_passwords(const std::string& password) {
    must("/etcdserverpb.Auth/UserAdd", encode_authenticate("root", password));
    must("/etcdserverpb.Auth/RoleAdd", encode_authenticate("root", {}));
    must("/etcdserverpb.Auth/UserGrantRole",
         encode_authenticate("root", "root"));
    must("/etcdserverpb.Auth/AuthEnable", {});
    log_in(password);
  }
  void log_in(const std::string& password) {
    token.clear();
    token = *decode_authenticate(
        must(etcd_method::authenticate, encode_authenticate("root", password)));
  }
  void change_password(const std::string& password) {
    must("/etcdserverpb.Auth/UserChangePassword",
         encode_authenticate("root", password));
  }

  std::string token;

 private:
  static grpc_target target_of(const std::string& url, const std::string& ca) {
    grpc_target target;
    target.origin = url;
    target.ca = ca;
    return target;
  }

  etcd_range_response range(const std::string& prefix) {
    return *decode_range(
        must(etcd_method::range,
             encode(etcd_range_request{.key = prefix,
                                       .range_end = range_end_of(prefix)})));
  }

  grpc_channel channel_;
};

} // namespace dynamo::etcd_test
