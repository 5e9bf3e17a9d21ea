#include "dynamo/transport/nats_settings.hpp"

#include "dynamo/transport/nats_error.hpp"
#include "dynamo/transport/nats_seed.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <unistd.h>
#include <utility>

namespace dynamo {

namespace {

constexpr auto int_max = std::numeric_limits<int>::max();

/// A setting by the names that a user knows.
struct setting_name {
  const char* key;
  const char* variable;
};

constexpr setting_name username{"nats.username", "NATS_AUTH_USERNAME"};
constexpr setting_name password{"nats.password", "NATS_AUTH_PASSWORD"};
constexpr setting_name nkey_seed{"nats.nkey_seed", "NATS_AUTH_NKEY"};
constexpr setting_name credentials_file{"nats.credentials_file",
                                        "NATS_AUTH_CREDENTIALS_FILE"};
constexpr setting_name ca{"nats.tls.ca", "NATS_TLS_CA_CERT_PATH"};
constexpr setting_name certificate{"nats.tls.certificate",
                                   "NATS_TLS_CLIENT_CERT_PATH"};
constexpr setting_name key{"nats.tls.key", "NATS_TLS_CLIENT_KEY_PATH"};

error invalid(const setting_name& name, const std::string& text) {
  return {errc::invalid,
          std::string{name.key} + " (" + name.variable + "): " + text};
}

error wanted_with(const setting_name& missing, const setting_name& present) {
  return invalid(missing, std::string{"expected as well when "} + present.key +
                              " is set");
}

status check_pair(const std::string& first, const setting_name& first_name,
                  const std::string& second, const setting_name& second_name) {
  if (first.empty() == second.empty()) {
    return ok();
  }
  return first.empty() ? wanted_with(first_name, second_name)
                       : wanted_with(second_name, first_name);
}

status check_readable(const std::string& path, const setting_name& name) {
  if (path.empty()) {
    return ok();
  }
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return invalid(name, "cannot read '" + path + "': " + strerror(errno));
  }
  close(file);
  return ok();
}

status check_files(const nats_options& options) {
  const std::pair<const std::string&, const setting_name&> files[] = {
      {options.credentials_file, credentials_file},
      {options.tls.ca, ca},
      {options.tls.certificate, certificate},
      {options.tls.key, key}};
  for (const auto& [path, name] : files) {
    if (const status readable = check_readable(path, name); !readable) {
      return readable;
    }
  }
  return ok();
}

status check_ranges(const nats_options& options) {
  const auto out_of_range = [](const char* name, const char* range) {
    return error{errc::invalid, std::string{name} + ": expected " + range};
  };
  const auto is_delay = [](std::chrono::milliseconds value, int least) {
    return value.count() >= least && value.count() <= int_max;
  };
  if (!is_delay(options.connect_timeout, 1)) {
    return out_of_range("nats.connect_timeout_ms", "at least 1 ms");
  }
  if (!is_delay(options.stale_after, 2)) {
    return out_of_range("nats.stale_after_ms", "at least 2 ms");
  }
  if (!is_delay(options.drain_timeout, 0)) {
    return out_of_range("nats.drain_timeout_ms", "at least 0");
  }
  return ok();
}

/// cnats puts what it is given into the JSON of its CONNECT as it is.
std::string json_escaped(std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      escaped += '\\';
      escaped += c;
    } else if (byte < 0x20) {
      escaped += "\\u00";
      escaped += digits[byte >> 4];
      escaped += digits[byte & 15];
    } else {
      escaped += c;
    }
  }
  return escaped;
}

natsStatus sign_nonce(char** custom_error, unsigned char** signature,
                      int* signature_length, const char* nonce, void* closure) {
  *custom_error = nullptr;
  const auto* credentials = static_cast<const nats_credentials*>(closure);
  return nats_Sign(credentials->nkey_seed.c_str(), nonce, signature,
                   signature_length);
}

status checked(natsStatus outcome, const char* what) {
  if (outcome != NATS_OK) {
    return nats_failure(outcome, what);
  }
  return ok();
}

} // namespace

result<nats_credentials> choose_nats_credentials(const nats_options& options) {
  if (const status whole =
          check_pair(options.username, username, options.password, password);
      !whole) {
    return whole.error();
  }
  nats_credentials chosen;
  if (!options.username.empty()) {
    chosen.username = options.username;
    chosen.password = options.password;
  } else if (!options.token.empty()) {
    chosen.token = options.token;
  } else if (!options.nkey_seed.empty()) {
    auto derived = nats_public_key(options.nkey_seed);
    if (!derived) {
      return invalid(nkey_seed, derived.error().message);
    }
    chosen.nkey_seed = options.nkey_seed;
    chosen.nkey_public = *std::move(derived);
  } else if (!options.credentials_file.empty()) {
    chosen.credentials_file = options.credentials_file;
  } else {
    chosen.username = "user";
    chosen.password = "user";
  }
  return chosen;
}

result<std::unique_ptr<const nats_settings>>
nats_settings::make(const nats_options& options) {
  for (const status& good :
       {check_ranges(options),
        check_pair(options.tls.certificate, certificate, options.tls.key, key),
        check_files(options)}) {
    if (!good) {
      return good.error();
    }
  }
  std::unique_ptr<nats_settings> made{new nats_settings{options}};
  auto servers = parse_nats_server_list(options.servers);
  if (!servers) {
    return servers.error();
  }
  made->servers_ = *std::move(servers);
  auto credentials = choose_nats_credentials(options);
  if (!credentials) {
    return credentials.error();
  }
  made->credentials_ = *std::move(credentials);
  // Certificates that cannot be used show now rather than at each attempt.
  if (const auto usable = made->options_for(made->servers_.front()); !usable) {
    return usable.error();
  }
  return std::unique_ptr<const nats_settings>{std::move(made)};
}

result<nats_options_handle>
nats_settings::options_for(const nats_server& server) const {
  natsOptions* raw = nullptr;
  if (const natsStatus created = natsOptions_Create(&raw); created != NATS_OK) {
    return nats_failure(created, "cnats");
  }
  nats_options_handle made{raw};
  if (const status set = set_connection(*made, server); !set) {
    return set.error();
  }
  if (const status set = set_credentials(*made, server); !set) {
    return set.error();
  }
  if (const status set = set_tls(*made, server); !set) {
    return set.error();
  }
  return made;
}

bool nats_settings::is_encrypted(const nats_server& server) const {
  const nats_tls_options& tls = options_.tls;
  return server.tls || !tls.ca.empty() || !tls.certificate.empty();
}

status nats_settings::set_connection(natsOptions& to,
                                     const nats_server& server) const {
  // nats_line asks for signs of life: cnats would close a socket that is being
  // polled.
  constexpr std::int64_t no_pings = 0;
  // The scheme would add nothing: cnats looks at the options only.
  const std::string url = "nats" + server.url().substr(server.tls ? 3 : 4);
  for (const natsStatus set :
       {natsOptions_SetURL(&to, url.c_str()),
        natsOptions_SetNoRandomize(&to, true),
        natsOptions_SetAllowReconnect(&to, false),
        natsOptions_SetTimeout(&to, options_.connect_timeout.count()),
        natsOptions_SetName(&to, "dynamo-events"),
        natsOptions_SetPingInterval(&to, no_pings),
        natsOptions_SetWriteDeadline(&to, options_.stale_after.count()),
        natsOptions_SetIgnoreDiscoveredServers(&to,
                                               !options_.discover_servers)}) {
    if (set != NATS_OK) {
      return nats_failure(set, "options of the connection");
    }
  }
  return ok();
}

status nats_settings::set_credentials(natsOptions& to,
                                      const nats_server& server) const {
  const std::string& user =
      server.username.empty() ? credentials_.username : server.username;
  const std::string& secret =
      server.username.empty() ? credentials_.password : server.password;
  if (!server.token.empty()) {
    return checked(
        natsOptions_SetToken(&to, json_escaped(server.token).c_str()), "token");
  }
  if (!user.empty()) {
    return checked(natsOptions_SetUserInfo(&to, json_escaped(user).c_str(),
                                           json_escaped(secret).c_str()),
                   "user name and password");
  }
  if (!credentials_.token.empty()) {
    return checked(
        natsOptions_SetToken(&to, json_escaped(credentials_.token).c_str()),
        "token");
  }
  if (!credentials_.nkey_seed.empty()) {
    // cnats only hands the closure back to sign_nonce, which reads it.
    auto* closure = const_cast<nats_credentials*>(&credentials_);
    return checked(natsOptions_SetNKey(&to, credentials_.nkey_public.c_str(),
                                       sign_nonce, closure),
                   "nkey");
  }
  return checked(natsOptions_SetUserCredentialsFromFiles(
                     &to, credentials_.credentials_file.c_str(), nullptr),
                 "credentials file");
}

status nats_settings::set_tls(natsOptions& to,
                              const nats_server& server) const {
  const nats_tls_options& tls = options_.tls;
  if (!tls.ca.empty()) {
    if (const natsStatus set =
            natsOptions_LoadCATrustedCertificates(&to, tls.ca.c_str());
        set != NATS_OK) {
      return invalid(ca, nats_reason(set));
    }
  }
  if (!tls.certificate.empty()) {
    if (const natsStatus set = natsOptions_LoadCertificatesChain(
            &to, tls.certificate.c_str(), tls.key.c_str());
        set != NATS_OK) {
      return invalid(certificate, nats_reason(set));
    }
  }
  if (tls.insecure) {
    if (const natsStatus set = natsOptions_SkipServerVerification(&to, true);
        set != NATS_OK) {
      return nats_failure(set, "nats.tls.insecure (NATS_TLS_INSECURE)");
    }
  }
  if (!server.tls_name.empty() && !tls.insecure) {
    if (const natsStatus set =
            natsOptions_SetExpectedHostname(&to, server.tls_name.c_str());
        set != NATS_OK) {
      return nats_failure(set, "name in the server's certificate");
    }
  }
  if (is_encrypted(server)) {
    return checked(natsOptions_SetSecure(&to, true), "TLS");
  }
  return ok();
}

} // namespace dynamo
