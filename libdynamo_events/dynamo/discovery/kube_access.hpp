#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"

#include <chrono>
#include <string>

namespace dynamo {

/// Where the API server is and how it is spoken to.
struct kube_access {
  /// "https://host:port", without a slash at the end.
  std::string server;
  /// Authorities of the server's certificate: a path or PEM text; empty: those
  /// of the system.
  std::string ca;
  /// The name that the certificate has to have; empty: the host's.
  std::string server_name;
  bool is_verified = true;
  /// The client's certificate and key, each a path or PEM text, or both empty.
  std::string certificate;
  std::string key;
  /// A bearer token, or the file that holds it; both may be empty.
  std::string token;
  std::string token_file;
  /// The namespace that the configuration names; may be empty.
  std::string ns;
  /// What all that was read from, for messages.
  std::string origin;
};

/// From the files that `kubeconfig` names, with colons between them as kubectl
/// has it; without any from the service account of the pod. errc::invalid says
/// what is missing or wrong, errc::unsupported which way to authenticate is not
/// known here.
result<kube_access> find_kube_access(const kubernetes_options& options);

/// The token of an access, read again every now and then when it is in a file.
class kube_token {
 public:
  using clock_time = std::chrono::steady_clock::time_point;

  kube_token(const kube_access& access, std::chrono::milliseconds reread)
      : text_(access.token)
      , file_(access.token_file)
      , reread_(reread) {}

  /// Empty when there is none. A file that cannot be read, or is empty, leaves
  /// the token that was there.
  const std::string& text(clock_time now);
  /// The server refused it.
  void doubt() { read_at_ = {}; }

 private:
  std::string text_;
  std::string file_;
  std::chrono::milliseconds reread_;
  clock_time read_at_;
};

} // namespace dynamo
