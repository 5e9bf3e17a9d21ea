#pragma once

#include "dynamo/base/error.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// One server that may be tried.
struct nats_server {
  /// Without brackets.
  std::string host;
  std::uint16_t port = 4222;
  bool tls = false;
  /// Of the URL, which come before the configured ones; never shown.
  std::string username;
  std::string password;
  std::string token;
  /// The name that its certificate has to carry, when that is not `host`.
  std::string tls_name;

  bool operator==(const nats_server&) const = default;

  /// "nats://localhost:4222", "tls://[::1]:4222": without credentials.
  std::string url() const;
};

/// Reads "host", "host:port", "nats://host:port" and "tls://host:port" with
/// commas between them; "user:password@" or "token@" may stand before a host,
/// percent-encoded as in any URL. errc::invalid names the part that is wrong,
/// without its credentials.
result<std::vector<nats_server>> parse_nats_server_list(std::string_view list);

enum class server_order {
  as_given,
  random,
};

/// The servers of a process and in which order they are tried. Belongs to the
/// link's thread.
class nats_server_pool {
 public:
  nats_server_pool(std::vector<nats_server> configured, server_order order,
                   std::uint32_t seed);

  /// All servers for one pass. The one that was left comes last, so that a
  /// server which is ending is not the first to be asked.
  std::vector<nats_server> next_pass();

  /// Replaces what is known of the cluster by what a member says. What is not
  /// a URL is ignored, and so is what comes after the first 256.
  void learn(const nats_server& teller, const std::vector<std::string>& urls);

  void note_left(const nats_server& server) { left_ = server; }
  void note_connected() { left_.reset(); }

 private:
  const std::vector<nats_server> configured_;
  const server_order order_;
  std::mt19937 random_;
  std::vector<nats_server> discovered_;
  std::optional<nats_server> left_;
};

} // namespace dynamo
