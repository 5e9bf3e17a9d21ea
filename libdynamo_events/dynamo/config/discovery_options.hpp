#pragma once

#include <chrono>
#include <cstddef>
#include <string>

// The settings of discovery; see options.hpp.

namespace dynamo {

/// Where publishers are found.
enum class discovery_kind { etcd, file, kubernetes, memory };

/// File discovery (DYN_FILE_KV). The 10 s lifetime is Dynamo's constant, which
/// every process assumes, and not a setting.
struct file_discovery_options {
  /// Empty: $TMPDIR/dynamo_store_kv, or /tmp/dynamo_store_kv.
  std::string root;
  /// Missed notices are repaired by a full scan this often.
  std::chrono::milliseconds rescan{2000};
  /// A larger record is skipped; Dynamo's are below 2 KiB, model cards larger.
  std::size_t record_bytes_max = 1024 * 1024;
};

/// TLS towards etcd. Each is the path of a PEM file or the PEM text itself:
/// Dynamo documents paths and takes text.
struct etcd_tls_options {
  /// Authorities that servers' certificates are checked against; empty: those
  /// of the system (ETCD_AUTH_CA).
  std::string ca;
  /// The client's certificate and key, both or none (ETCD_AUTH_CLIENT_CERT,
  /// ETCD_AUTH_CLIENT_KEY).
  std::string certificate;
  std::string key;
};

/// etcd discovery.
struct etcd_options {
  /// URLs with commas between them; without a scheme it is http
  /// (ETCD_ENDPOINTS).
  std::string endpoints = "http://localhost:2379";
  /// Both or none (ETCD_AUTH_USERNAME, ETCD_AUTH_PASSWORD).
  std::string username;
  std::string password;
  etcd_tls_options tls;
  /// The records of a process that dies stay so long (ETCD_LEASE_TTL, in
  /// seconds). Dynamo had 10 s up to 1.5, which a slow name server was enough
  /// to exceed.
  std::chrono::milliseconds lease_ttl{30'000};
  /// A connection that is silent for so long is probed, and is dead when so
  /// long nothing comes back (ETCD_KEEPALIVE_INTERVAL_SECONDS,
  /// ETCD_KEEPALIVE_TIMEOUT_SECONDS). By TCP: the HTTP/2 pings that Dynamo
  /// sends annoy servers when they come more often than every 5 s.
  std::chrono::milliseconds keepalive_interval{10'000};
  std::chrono::milliseconds keepalive_timeout{5'000};
  /// At the start an etcd that does not answer is waited for
  /// (ETCD_STARTUP_CONNECT_TIMEOUT_SECONDS).
  std::chrono::milliseconds startup_timeout{120'000};
  /// For one endpoint.
  std::chrono::milliseconds connect_timeout{2'000};
  /// A server that answers nothing for so long is left for the next one. More
  /// than an election takes.
  std::chrono::milliseconds request_timeout{5'000};
  /// Missed changes and records of ours that are gone are found this often.
  std::chrono::milliseconds compare{10'000};
  /// After an outage, records that are gone are kept so long: the time that
  /// their owners have to come back and put them again.
  std::chrono::milliseconds grace{10'000};
  /// A larger answer is refused. Listings come in pages of 500 records, and a
  /// record has at most 1.5 MiB unless servers are told otherwise.
  std::size_t response_bytes_max = 64 * 1024 * 1024;
};

/// What has an object of its own in Kubernetes.
enum class kube_mode { pod, container };

/// Discovery in the API server of Kubernetes.
struct kubernetes_options {
  /// Files of kubectl, with colons between them (KUBECONFIG); empty: the
  /// service account of the pod.
  std::string kubeconfig;
  /// Where every pod finds the API server (KUBERNETES_SERVICE_HOST,
  /// KUBERNETES_SERVICE_PORT), and who it is there: token, ca.crt, namespace.
  std::string service_host;
  std::string service_port;
  std::string account_directory =
      "/var/run/secrets/kubernetes.io/serviceaccount";
  /// DYN_KUBE_DISCOVERY_MODE. All processes of a deployment need the same.
  kube_mode mode = kube_mode::pod;
  /// Files of the downward API: pod_name, pod_uid, pod_namespace. What is in
  /// none of them is taken from POD_NAME, POD_UID and POD_NAMESPACE.
  std::string identity_directory = "/etc/podinfo";
  std::string pod_name;
  std::string pod_uid;
  std::string ns;
  /// CONTAINER_NAME, for the mode `container`; the main container's object has
  /// the pod's name.
  std::string container_name;
  std::string main_container = "main";
  /// Who writes, to the API server. Dynamo's is "dynamo-worker": each apply
  /// replaces all that its manager wrote before, so that processes that share
  /// an object need one each.
  std::string field_manager = "dynamo-events";
  /// At the start an API server that does not answer, or refuses, is waited
  /// for.
  std::chrono::milliseconds startup_timeout{120'000};
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{10'000};
  /// Everything is listed anew this often, for what a watch has missed.
  std::chrono::milliseconds relist{300'000};
  /// A larger answer is refused. Lists come in pages of 500 objects, which
  /// have at most 1.5 MiB each and mostly some kilobytes.
  std::size_t response_bytes_max = 64 * 1024 * 1024;
};

struct discovery_options {
  /// DYN_DISCOVERY_BACKEND.
  discovery_kind backend = discovery_kind::etcd;
  etcd_options etcd;
  file_discovery_options file;
  kubernetes_options kubernetes;
};

} // namespace dynamo
