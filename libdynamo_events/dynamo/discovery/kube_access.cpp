#include "dynamo/discovery/kube_access.hpp"

#include "dynamo/discovery/kube_identity.hpp"

#include <sodium.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <utility>
#include <vector>

namespace dynamo {

namespace {

error wrong(const std::string& what) {
  return {errc::invalid, "kubernetes discovery: " + what};
}

// -- kubeconfig

/// A member of a mapping as text; empty when it is not there.
std::string text_in(const YAML::Node& node, const char* name) {
  const YAML::Node found = node.IsMap() ? node[name] : YAML::Node{};
  return found && found.IsScalar() ? found.Scalar() : std::string{};
}

bool flag_in(const YAML::Node& node, const char* name) {
  return text_in(node, name) == "true";
}

result<std::string> decoded(const std::string& text, const std::string& name) {
  std::string bytes(text.size(), '\0');
  std::size_t length = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()),
                        bytes.size(), text.data(), text.size(), " \n\r\t",
                        &length, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0) {
    return wrong("kubeconfig: " + name + ": expected base64");
  }
  bytes.resize(length);
  return bytes;
}

/// The files of KUBECONFIG, read as one: what stands in several is taken from
/// the first.
class kubeconfig {
 public:
  struct part {
    YAML::Node body;
    /// Paths in it are relative to this.
    std::filesystem::path directory;
  };

  status read(const std::string& path) {
    try {
      files_.push_back(
          {YAML::LoadFile(path), std::filesystem::path{path}.parent_path()});
    } catch (const YAML::BadFile&) {
      return wrong("cannot read " + path + " (KUBECONFIG)");
    } catch (const YAML::Exception& reason) {
      return wrong(path +
                   " (KUBECONFIG): expected YAML or JSON: " + reason.what());
    }
    if (!files_.back().body.IsMap()) {
      return wrong(path + " (KUBECONFIG): expected a kubeconfig");
    }
    return ok();
  }

  std::string current_context() const {
    for (const part& each : files_) {
      if (auto name = text_in(each.body, "current-context"); !name.empty()) {
        return name;
      }
    }
    return {};
  }

  /// The entry of that name in a list such as "clusters", where its content
  /// stands under `member`.
  result<part> find(const char* list, const char* member,
                    const std::string& name) const {
    for (const part& each : files_) {
      const YAML::Node entries = each.body[list];
      if (!entries || !entries.IsSequence()) {
        continue;
      }
      for (const YAML::Node& entry : entries) {
        if (text_in(entry, "name") == name && entry[member] &&
            entry[member].IsMap()) {
          return part{entry[member], each.directory};
        }
      }
    }
    return wrong(std::string{"kubeconfig: \""} + list + "\" has no \"" + name +
                 "\"");
  }

 private:
  std::vector<part> files_;
};

/// Text that stands in "<name>-data" or whose path does in "<name>".
result<std::string> pem_in(const kubeconfig::part& from, const char* name) {
  const std::string inner = std::string{name} + "-data";
  if (const std::string data = text_in(from.body, inner.c_str());
      !data.empty()) {
    return decoded(data, inner);
  }
  const std::string path = text_in(from.body, name);
  return path.empty() ? path : (from.directory / path).string();
}

status take_user(const kubeconfig::part& user, kube_access& to) {
  for (const char* unknown : {"exec", "auth-provider", "username"}) {
    if (user.body[unknown]) {
      return error{errc::unsupported,
                   std::string{"kubernetes discovery: kubeconfig: \""} +
                       unknown +
                       "\" of a user: expected token, tokenFile or "
                       "client-certificate and client-key"};
    }
  }
  auto certificate = pem_in(user, "client-certificate");
  auto key = pem_in(user, "client-key");
  if (!certificate || !key) {
    return certificate ? key.error() : certificate.error();
  }
  if (certificate->empty() != key->empty()) {
    return wrong("kubeconfig: expected client-certificate and client-key, or "
                 "neither");
  }
  to.certificate = *std::move(certificate);
  to.key = *std::move(key);
  to.token = text_in(user.body, "token");
  if (const std::string path = text_in(user.body, "tokenFile"); !path.empty()) {
    to.token_file = (user.directory / path).string();
  }
  return ok();
}

status take_cluster(const kubeconfig::part& cluster, kube_access& to) {
  to.server = text_in(cluster.body, "server");
  if (!to.server.starts_with("https://") && !to.server.starts_with("http://")) {
    return wrong("kubeconfig: \"server\": expected https://host:port, got \"" +
                 to.server + "\"");
  }
  auto ca = pem_in(cluster, "certificate-authority");
  if (!ca) {
    return ca.error();
  }
  to.ca = *std::move(ca);
  to.server_name = text_in(cluster.body, "tls-server-name");
  to.is_verified = !flag_in(cluster.body, "insecure-skip-tls-verify");
  return ok();
}

result<kube_access> access_of(const kubeconfig& config) {
  const std::string current = config.current_context();
  if (current.empty()) {
    return wrong("kubeconfig: expected a \"current-context\"");
  }
  const auto context = config.find("contexts", "context", current);
  if (!context) {
    return context.error();
  }
  const auto cluster =
      config.find("clusters", "cluster", text_in(context->body, "cluster"));
  if (!cluster) {
    return cluster.error();
  }
  kube_access found;
  found.ns = text_in(context->body, "namespace");
  if (status taken = take_cluster(*cluster, found); !taken) {
    return taken.error();
  }
  if (const std::string name = text_in(context->body, "user"); !name.empty()) {
    const auto user = config.find("users", "user", name);
    if (!user) {
      return user.error();
    }
    if (status taken = take_user(*user, found); !taken) {
      return taken.error();
    }
  }
  return found;
}

result<kube_access> from_kubeconfig(const std::string& paths) {
  kubeconfig config;
  for (std::size_t at = 0; at <= paths.size();) {
    const std::size_t end = std::min(paths.find(':', at), paths.size());
    if (const std::string path = paths.substr(at, end - at); !path.empty()) {
      if (status read = config.read(path); !read) {
        return read.error();
      }
    }
    at = end + 1;
  }
  try {
    auto found = access_of(config);
    if (found) {
      found->origin = paths + " (KUBECONFIG)";
    }
    return found;
  } catch (const YAML::Exception& reason) {
    return wrong(paths + " (KUBECONFIG): " + reason.what());
  }
}

// -- The service account of a pod

result<kube_access> from_service_account(const kubernetes_options& options) {
  const std::string& directory = options.account_directory;
  if (options.service_host.empty() || options.service_port.empty()) {
    return wrong("no API server: expected KUBERNETES_SERVICE_HOST and "
                 "KUBERNETES_SERVICE_PORT, which every pod has, or KUBECONFIG");
  }
  kube_access found;
  const bool is_v6 = options.service_host.find(':') != std::string::npos;
  found.server =
      "https://" +
      (is_v6 ? '[' + options.service_host + ']' : options.service_host) + ':' +
      options.service_port;
  found.ca = directory + "/ca.crt";
  found.token_file = directory + "/token";
  found.ns = text_of_file(directory + "/namespace");
  found.origin = "the service account in " + directory;
  for (const std::string& path : {found.ca, found.token_file}) {
    if (text_of_file(path).empty()) {
      return wrong("cannot read " + path +
                   ": does the pod mount the token of its service account?");
    }
  }
  return found;
}

} // namespace

result<kube_access> find_kube_access(const kubernetes_options& options) {
  return options.kubeconfig.empty() ? from_service_account(options)
                                    : from_kubeconfig(options.kubeconfig);
}

const std::string& kube_token::text(clock_time now) {
  const bool is_due = read_at_ == clock_time{} || now >= read_at_ + reread_;
  if (!file_.empty() && is_due) {
    read_at_ = now;
    if (std::string fresh = text_of_file(file_); !fresh.empty()) {
      text_ = std::move(fresh);
    }
  }
  return text_;
}

} // namespace dynamo
