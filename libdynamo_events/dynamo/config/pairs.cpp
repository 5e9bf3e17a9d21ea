#include "dynamo/config/pairs.hpp"

#include <string>
#include <string_view>

namespace dynamo {

namespace {

/// A key that has a variable, and its value.
struct half {
  std::string_view key;
  std::string_view variable;
  const std::string& value;
};

std::string named(const half& each) {
  return std::string{each.key} + " (" + std::string{each.variable} + ")";
}

/// Says nothing of the values: one of them may be a password.
status check_both_or_none(const loaded_options& loaded, const half& first,
                          const half& second) {
  if (first.value.empty() == second.value.empty()) {
    return ok();
  }
  const half& set = first.value.empty() ? second : first;
  const half& missing = first.value.empty() ? first : second;
  return error{errc::invalid, loaded.origins.find(set.key)->second + ": " +
                                  named(set) + ": expected " + named(missing) +
                                  " beside it, got none"};
}

/// Two delays, of which `greater` must not be the shorter one.
struct delays {
  std::string_view greater_key;
  std::chrono::milliseconds greater;
  std::string_view lesser_key;
  std::chrono::milliseconds lesser;
};

status check_order(const loaded_options& loaded, const delays& pair) {
  if (pair.greater >= pair.lesser) {
    return ok();
  }
  const std::string key{pair.greater_key};
  return error{errc::invalid,
               loaded.origins.at(key) + ": " + key + ": expected at least " +
                   std::string{pair.lesser_key} + " (" +
                   std::to_string(pair.lesser.count()) + "), got " +
                   std::to_string(pair.greater.count())};
}

status check_ports(const loaded_options& loaded) {
  const zmq_options& zmq = loaded.values.plane.zmq;
  if (zmq.port_last < zmq.port_first ||
      (zmq.port_first == 0 && zmq.port_last != 0)) {
    return error{errc::invalid,
                 loaded.origins.at("zmq.port_last") +
                     ": zmq.port_last: expected a port from zmq.port_first (" +
                     std::to_string(zmq.port_first) +
                     ") on, or 0 for both, got " +
                     std::to_string(zmq.port_last)};
  }
  return ok();
}

status check_nats(const loaded_options& loaded) {
  const nats_options& nats = loaded.values.plane.nats;
  if (status user = check_both_or_none(
          loaded, {"nats.username", "NATS_AUTH_USERNAME", nats.username},
          {"nats.password", "NATS_AUTH_PASSWORD", nats.password});
      !user) {
    return user;
  }
  if (status certificate = check_both_or_none(
          loaded,
          {"nats.tls.certificate", "NATS_TLS_CLIENT_CERT_PATH",
           nats.tls.certificate},
          {"nats.tls.key", "NATS_TLS_CLIENT_KEY_PATH", nats.tls.key});
      !certificate) {
    return certificate;
  }
  // Delays begin at the initial one, so this bound would not hold.
  if (status subscribers = check_order(
          loaded, {"nats.subscriber_delay_max_ms", nats.subscriber_delay_max,
                   "reconnect.delay_initial_ms",
                   loaded.values.plane.reconnect.delay.initial});
      !subscribers) {
    return subscribers;
  }
  // A hold that ends before subscribers try again serves nobody; none at all
  // is a choice.
  if (nats.hold == std::chrono::milliseconds::zero()) {
    return ok();
  }
  return check_order(loaded,
                     {"nats.hold_ms", nats.hold, "nats.subscriber_delay_max_ms",
                      nats.subscriber_delay_max});
}

status check_etcd(const loaded_options& loaded) {
  const etcd_options& etcd = loaded.values.plane.discovery.etcd;
  if (status user = check_both_or_none(
          loaded,
          {"discovery.etcd.username", "ETCD_AUTH_USERNAME", etcd.username},
          {"discovery.etcd.password", "ETCD_AUTH_PASSWORD", etcd.password});
      !user) {
    return user;
  }
  return check_both_or_none(
      loaded,
      {"discovery.etcd.tls.certificate", "ETCD_AUTH_CLIENT_CERT",
       etcd.tls.certificate},
      {"discovery.etcd.tls.key", "ETCD_AUTH_CLIENT_KEY", etcd.tls.key});
}

/// The tree that cascades knows one name of each block.
status check_index(const loaded_options& loaded) {
  const index_options& index = loaded.values.router.index;
  if (index.removal != removal_policy::cascade ||
      index.conflicts != conflict_policy::follow) {
    return ok();
  }
  const bool conflicts_given =
      loaded.origins.at("router.index.conflicts") != "default";
  return error{errc::invalid,
               loaded.origins.at("router.index.removal") +
                   ": router.index.removal: expected \"keep\" beside "
                   "router.index.conflicts \"follow\"" +
                   (conflicts_given ? "" : ", its default") +
                   ", got \"cascade\"; set router.index.conflicts to "
                   "\"first\" to cascade"};
}

} // namespace

status check_pairs(const loaded_options& loaded) {
  if (status ports = check_ports(loaded); !ports) {
    return ports;
  }
  const backoff_limits& delay = loaded.values.plane.reconnect.delay;
  if (status order =
          check_order(loaded, {"reconnect.delay_max_ms", delay.max,
                               "reconnect.delay_initial_ms", delay.initial});
      !order) {
    return order;
  }
  if (status index = check_index(loaded); !index) {
    return index;
  }
  const replica_options& replicas = loaded.values.router.replicas;
  if (status order = check_order(loaded, {"router.replicas.silence_max_ms",
                                          replicas.silence_max,
                                          "router.replicas.summary_interval_ms",
                                          replicas.summary_interval});
      !order) {
    return order;
  }
  if (loaded.values.plane.discovery.backend == discovery_kind::etcd) {
    if (status etcd = check_etcd(loaded); !etcd) {
      return etcd;
    }
  }
  return loaded.values.plane.transport == transport_kind::nats
             ? check_nats(loaded)
             : ok();
}

} // namespace dynamo
