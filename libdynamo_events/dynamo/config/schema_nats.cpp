#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

#include <cstdint>
#include <utility>
#include <variant>

namespace dynamo {

namespace {

bool names_a_server(const scalar& value) {
  const auto* list = std::get_if<std::string>(&value);
  return list != nullptr &&
         list->find_first_not_of(", \t\r\n\v\f") != std::string::npos;
}

void add_servers(std::vector<setting>& to) {
  section nats{to, "nats.",
               [](auto& all) -> decltype(auto) { return (all.plane.nats); }};
  nats.text("servers", &nats_options::servers, 1,
            {"",
             "Where servers listen: host, host:port, nats:// or tls:// before "
             "it, more than one with commas between them.",
             {"NATS_SERVER"},
             secrecy::in_urls});
  to.back().accepted = "at least one server, with commas between them";
  to.back().assign =
      [store = std::move(to.back().assign)](options& all, const scalar& value) {
        return names_a_server(value) && store(all, value);
      };
  nats.boolean("randomize", &nats_options::randomize,
               {"", "Servers are tried in random order, so that clients "
                    "spread over a cluster."});
  nats.boolean("discover_servers", &nats_options::discover_servers,
               {"", "Servers that a cluster tells of are tried too."});
}

void add_identity(std::vector<setting>& to) {
  section nats{to, "nats.",
               [](auto& all) -> decltype(auto) { return (all.plane.nats); }};
  nats.text("username", &nats_options::username, 0,
            {"",
             "User name; it needs a password. Of several ways to "
             "authenticate the first that is set counts: user name and "
             "password, token, nkey_seed, credentials_file, and last "
             "\"user\", \"user\" as Dynamo sends it.",
             {"NATS_AUTH_USERNAME"}});
  nats.text("password", &nats_options::password, 0,
            {"", "Its password.", {"NATS_AUTH_PASSWORD"}, secrecy::all});
  nats.text("token", &nats_options::token, 0,
            {"", "A token.", {"NATS_AUTH_TOKEN"}, secrecy::all});
  nats.text("nkey_seed", &nats_options::nkey_seed, 0,
            {"",
             "The seed of an nkey, \"SU...\".",
             {"NATS_AUTH_NKEY"},
             secrecy::all});
  nats.text("credentials_file", &nats_options::credentials_file, 0,
            {"",
             "Path of a file with a user's JWT and seed.",
             {"NATS_AUTH_CREDENTIALS_FILE"}});

  section tls{to, "nats.tls.",
              [](auto& all) -> decltype(auto) { return (all.plane.nats.tls); }};
  tls.text("ca", &nats_tls_options::ca, 0,
           {"",
            "PEM file of the authorities that servers' certificates are "
            "checked against; empty: the system's.",
            {"NATS_TLS_CA_CERT_PATH"}});
  tls.text("certificate", &nats_tls_options::certificate, 0,
           {"",
            "PEM file of the client's certificate chain; it needs a key.",
            {"NATS_TLS_CLIENT_CERT_PATH"}});
  tls.text("key", &nats_tls_options::key, 0,
           {"", "PEM file of the client's key.", {"NATS_TLS_CLIENT_KEY_PATH"}});
  tls.boolean("insecure", &nats_tls_options::insecure,
              {"",
               "Servers' certificates are not checked: for tests alone.",
               {"NATS_TLS_INSECURE"}});
}

void add_times_and_limits(std::vector<setting>& to) {
  section nats{to, "nats.",
               [](auto& all) -> decltype(auto) { return (all.plane.nats); }};
  nats.duration("connect_timeout_ms", &nats_options::connect_timeout,
                {10, 600'000},
                {"", "For each server of an attempt to connect."});
  nats.duration("stale_after_ms", &nats_options::stale_after, {100, 600'000},
                {"", "A server that answers nothing for so long is left; more "
                     "than the 5 s that a busy machine may stand still."});
  nats.duration("hold_ms", &nats_options::hold, {0, 60'000},
                {"", "After an outage publishers wait so long for subscribers "
                     "to come back, at least subscriber_delay_max_ms; 0: they "
                     "do not wait."});
  nats.duration("repeat_window_ms", &nats_options::repeat_window, {0, 60'000},
                {"", "What was confirmed for no longer than this when the "
                     "connection was lost is sent again, for a server that "
                     "ends may not have delivered it; 0: nothing is."});
  nats.duration("subscriber_delay_max_ms", &nats_options::subscriber_delay_max,
                {1, 60'000},
                {"", "Longest delay between attempts to connect of a process "
                     "that subscribes, at least reconnect.delay_initial_ms; "
                     "short, so that it is back before publishers send."});
  nats.duration("authentication_delay_ms", &nats_options::authentication_delay,
                {1, 3'600'000},
                {"", "Shortest delay after servers refused who we are, so that "
                     "a wrong password is no flood."});
  nats.duration("offer_interval_ms", &nats_options::offer_interval, {1, 60'000},
                {"", "While nobody is subscribed, a publisher that holds its "
                     "events offers the oldest again this often."});
  nats.duration("drain_timeout_ms", &nats_options::drain_timeout, {0, 60'000},
                {"", "How long messages that arrived are still delivered when "
                     "the process ends."});
}

} // namespace

void add_nats(std::vector<setting>& to) {
  add_servers(to);
  add_identity(to);
  add_times_and_limits(to);
}

} // namespace dynamo
