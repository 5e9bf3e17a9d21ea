#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

#include <cstdint>

namespace dynamo {

namespace {

constexpr std::uint64_t per_second = 1000;

// Dynamo, too, goes on with its default after a number that is none.
environment_variable in_seconds(std::string_view name) {
  return {name, per_second, environment_variable::bad_value::ignore};
}

void add_access(std::vector<setting>& to) {
  section etcd{to, "discovery.etcd.", [](auto& all) -> decltype(auto) {
                 return (all.plane.discovery.etcd);
               }};
  etcd.text("endpoints", &etcd_options::endpoints, 1,
            {"",
             "Servers of one etcd cluster as URLs with commas between them; "
             "without a scheme it is http.",
             {"ETCD_ENDPOINTS"},
             secrecy::in_urls});
  etcd.text("username", &etcd_options::username, 0,
            {"", "Who we are; it needs a password.", {"ETCD_AUTH_USERNAME"}});
  etcd.text("password", &etcd_options::password, 0,
            {"", "Its password.", {"ETCD_AUTH_PASSWORD"}, secrecy::all});

  section tls{to, "discovery.etcd.tls.", [](auto& all) -> decltype(auto) {
                return (all.plane.discovery.etcd.tls);
              }};
  tls.text("ca", &etcd_tls_options::ca, 0,
           {"",
            "PEM file, or its text, of the authorities that servers' "
            "certificates are checked against; empty: the system's.",
            {"ETCD_AUTH_CA"}});
  tls.text("certificate", &etcd_tls_options::certificate, 0,
           {"",
            "PEM file, or its text, of the client's certificate; it needs a "
            "key.",
            {"ETCD_AUTH_CLIENT_CERT"}});
  tls.text("key", &etcd_tls_options::key, 0,
           {"",
            "PEM file, or its text, of the client's key.",
            {"ETCD_AUTH_CLIENT_KEY"},
            secrecy::all});
}

void add_times_and_limits(std::vector<setting>& to) {
  section etcd{to, "discovery.etcd.", [](auto& all) -> decltype(auto) {
                 return (all.plane.discovery.etcd);
               }};
  etcd.duration("lease_ttl_ms", &etcd_options::lease_ttl, {1'000, 86'400'000},
                {"",
                 "Records of a process that dies stay so long; in whole "
                 "seconds. Dynamo 1.6's default.",
                 in_seconds("ETCD_LEASE_TTL")});
  etcd.duration("keepalive_interval_ms", &etcd_options::keepalive_interval,
                {1'000, 3'600'000},
                {"",
                 "A connection that is silent for so long is probed (TCP "
                 "keep-alive).",
                 in_seconds("ETCD_KEEPALIVE_INTERVAL_SECONDS")});
  etcd.duration("keepalive_timeout_ms", &etcd_options::keepalive_timeout,
                {1'000, 3'600'000},
                {"", "And lost when nothing comes back for so long.",
                 in_seconds("ETCD_KEEPALIVE_TIMEOUT_SECONDS")});
  etcd.duration("startup_timeout_ms", &etcd_options::startup_timeout,
                {1, 86'400'000},
                {"",
                 "At the start, an etcd that does not answer is waited for so "
                 "long; Dynamo's figure.",
                 in_seconds("ETCD_STARTUP_CONNECT_TIMEOUT_SECONDS")});
  etcd.duration("connect_timeout_ms", &etcd_options::connect_timeout,
                {10, 600'000}, {"", "For each endpoint."});
  etcd.duration("request_timeout_ms", &etcd_options::request_timeout,
                {10, 600'000},
                {"", "A server that does not answer for so long is left for "
                     "the next one; more than an election takes."});
  etcd.duration("compare_ms", &etcd_options::compare, {10, 3'600'000},
                {"", "How often missed changes, and records of ours that are "
                     "gone, are looked for."});
  etcd.duration("grace_ms", &etcd_options::grace, {0, 3'600'000},
                {"", "After an outage, records that are gone are kept so long: "
                     "their owners may be about to put them again."});
  etcd.integer("response_bytes_max", &etcd_options::response_bytes_max,
               {4 * 1024 * 1024, 0x7fffffff},
               {"bytes", "A larger answer is refused; listings come in pages "
                         "of 500 records."});
}

} // namespace

void add_etcd(std::vector<setting>& to) {
  add_access(to);
  add_times_and_limits(to);
}

} // namespace dynamo
