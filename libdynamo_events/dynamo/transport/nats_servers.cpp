#include "dynamo/transport/nats_servers.hpp"

#include "dynamo/base/percent.hpp"
#include "dynamo/transport/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace dynamo {

namespace {

/// More than any cluster has; a server that sends more is not believed.
constexpr std::size_t discovered_max = 256;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// What follows the last @: the part that may be shown.
std::string_view without_credentials(std::string_view part) {
  const std::size_t at = part.rfind('@');
  return at == std::string_view::npos ? part : part.substr(at + 1);
}

error wrong(std::string_view part, std::string_view expected) {
  return {errc::invalid, "nats.servers (NATS_SERVER): expected " +
                             std::string{expected} + ", got '" +
                             std::string{without_credentials(part)} + "'"};
}

bool is_host_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

bool is_ip_address(const std::string& host) {
  return static_cast<bool>(parse_ip_address(host));
}

status read_credentials(std::string_view text, nats_server& server) {
  const std::size_t colon = text.find(':');
  auto first = percent_decode(text.substr(0, colon));
  auto second =
      percent_decode(colon == std::string_view::npos ? std::string_view{}
                                                     : text.substr(colon + 1));
  if (!first || !second || first->empty() ||
      (colon != std::string_view::npos && second->empty())) {
    return error{errc::invalid, "nats.servers (NATS_SERVER): expected "
                                "user:password or a token before the @, "
                                "percent-encoded"};
  }
  if (colon == std::string_view::npos) {
    server.token = *std::move(first);
  } else {
    server.username = *std::move(first);
    server.password = *std::move(second);
  }
  return ok();
}

status read_port(std::string_view text, std::string_view part,
                 nats_server& server) {
  const auto [end, failed] =
      std::from_chars(text.data(), text.data() + text.size(), server.port);
  if (failed != std::errc{} || end != text.data() + text.size() ||
      server.port == 0) {
    return wrong(part, "a port from 1 to 65535");
  }
  return ok();
}

/// "host", "host:port", "[address]" or "[address]:port".
status read_address(std::string_view text, std::string_view part,
                    nats_server& server) {
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return wrong(part, "a ] after the address");
    }
    server.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (server.host.find(':') == std::string::npos ||
        !is_ip_address(server.host)) {
      return wrong(part, "an IPv6 address between brackets");
    }
  } else {
    const std::size_t colon = text.find(':');
    server.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{}
                                           : text.substr(colon);
    if (rest.find(':', 1) != std::string_view::npos) {
      return wrong(part, "brackets around an IPv6 address");
    }
    if (!is_host_name(server.host)) {
      return wrong(part, "a host name or an IP address");
    }
  }
  if (rest.empty()) {
    return ok();
  }
  if (rest.front() != ':') {
    return wrong(part, "nothing but a port behind the host");
  }
  return read_port(rest.substr(1), part, server);
}

result<nats_server> parse_server(std::string_view part) {
  nats_server server;
  std::string_view rest = part;
  if (const std::size_t end = rest.find("://"); end != std::string_view::npos) {
    const std::string_view scheme = rest.substr(0, end);
    if (scheme != "nats" && scheme != "tls") {
      return wrong(part, "nats:// or tls://");
    }
    server.tls = scheme == "tls";
    rest.remove_prefix(end + 3);
  }
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    if (const status read = read_credentials(rest.substr(0, at), server);
        !read) {
      return read.error();
    }
    rest.remove_prefix(at + 1);
  }
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  if (const status read = read_address(rest, part, server); !read) {
    return read.error();
  }
  return server;
}

bool is_same_place(const nats_server& one, const nats_server& other) {
  return one.host == other.host && one.port == other.port;
}

bool is_known(const std::vector<nats_server>& servers,
              const nats_server& wanted) {
  return std::any_of(
      servers.begin(), servers.end(),
      [&](const nats_server& one) { return is_same_place(one, wanted); });
}

} // namespace

std::string nats_server::url() const {
  const bool bracketed = host.find(':') != std::string::npos;
  return std::string{tls ? "tls://" : "nats://"} + (bracketed ? "[" : "") +
         host + (bracketed ? "]" : "") + ":" + std::to_string(port);
}

result<std::vector<nats_server>> parse_nats_server_list(std::string_view list) {
  std::vector<nats_server> servers;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t comma = std::min(list.find(',', start), list.size());
    auto server = parse_server(trimmed(list.substr(start, comma - start)));
    if (!server) {
      return server.error();
    }
    if (!is_known(servers, *server)) {
      servers.push_back(*std::move(server));
    }
    start = comma + 1;
  }
  return servers;
}

nats_server_pool::nats_server_pool(std::vector<nats_server> configured,
                                   server_order order, std::uint32_t seed)
    : configured_(std::move(configured))
    , order_(order)
    , random_(seed) {}

std::vector<nats_server> nats_server_pool::next_pass() {
  std::vector<nats_server> servers = configured_;
  servers.insert(servers.end(), discovered_.begin(), discovered_.end());
  if (order_ == server_order::random) {
    std::shuffle(servers.begin(), servers.end(), random_);
  }
  if (left_) {
    std::stable_partition(
        servers.begin(), servers.end(),
        [this](const nats_server& one) { return !is_same_place(one, *left_); });
  }
  return servers;
}

void nats_server_pool::learn(const nats_server& teller,
                             const std::vector<std::string>& urls) {
  if (urls.empty()) {
    return;
  }
  std::vector<nats_server> learned;
  for (const std::string& url : urls) {
    const auto parsed = parse_server(url);
    if (!parsed || learned.size() == discovered_max ||
        is_known(configured_, *parsed) || is_known(learned, *parsed)) {
      continue;
    }
    // A cluster shares its scheme and its users. Its members name themselves
    // by address, for which certificates are seldom made out.
    nats_server member = teller;
    member.host = parsed->host;
    member.port = parsed->port;
    if (member.tls_name.empty() && !is_ip_address(teller.host) &&
        is_ip_address(member.host)) {
      member.tls_name = teller.host;
    }
    learned.push_back(std::move(member));
  }
  discovered_ = std::move(learned);
}

} // namespace dynamo
