#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/transport/nats_handles.hpp"
#include "dynamo/transport/nats_servers.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dynamo {

/// The first credentials that are complete; what does not count is empty. Each
/// is as cnats wants it.
struct nats_credentials {
  std::string username;
  std::string password;
  std::string token;
  std::string nkey_seed;
  std::string nkey_public;
  std::string credentials_file;
};

/// Dynamo's order: user name and password, token, nkey seed, credentials file,
/// and last "user", "user". errc::invalid for half a pair and for a seed that
/// is none.
result<nats_credentials> choose_nats_credentials(const nats_options& options);

/// Options that were found good, and what cnats needs of them.
class nats_settings {
 public:
  /// errc::invalid, naming the key and the variable of the environment, for
  /// options that contradict each other, are out of range, or name a file that
  /// cannot be read or is not what it should be.
  static result<std::unique_ptr<const nats_settings>>
  make(const nats_options& options);

  const nats_options& options() const { return options_; }
  const std::vector<nats_server>& servers() const { return servers_; }

  /// Whether a connection to it is made with TLS.
  bool is_encrypted(const nats_server& server) const;

  /// For one attempt at one server. Files are read again, so that certificates
  /// may be renewed meanwhile. The settings must outlive what is connected
  /// with them.
  result<nats_options_handle> options_for(const nats_server& server) const;

 private:
  explicit nats_settings(const nats_options& options)
      : options_(options) {}

  status set_connection(natsOptions& to, const nats_server& server) const;
  status set_credentials(natsOptions& to, const nats_server& server) const;
  status set_tls(natsOptions& to, const nats_server& server) const;

  const nats_options options_;
  std::vector<nats_server> servers_;
  nats_credentials credentials_;
};

} // namespace dynamo
