#include "apps/loadgen/http_clients.hpp"

#include "dynamo/base/mutex.hpp"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

using steady = std::chrono::steady_clock;

// Below the time after which the programs' servers hang up idle connections.
constexpr std::chrono::milliseconds idle_max{2000};

struct address {
  std::string host;
  int port = 0;
};

std::optional<address> address_of(std::string_view endpoint) {
  constexpr std::string_view scheme = "http://";
  if (!endpoint.starts_with(scheme)) {
    return std::nullopt;
  }
  endpoint.remove_prefix(scheme.size());
  if (endpoint.ends_with('/')) {
    endpoint.remove_suffix(1);
  }
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return std::nullopt;
  }
  std::string_view host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const std::string_view digits = endpoint.substr(colon + 1);
  int port = 0;
  const auto read =
      std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size() ||
      port < 1 || port > 65'535) {
    return std::nullopt;
  }
  return address{std::string{host}, port};
}

} // namespace

/// The connections. A client is either idle or lent to one call.
class http_clients::pool {
 public:
  explicit pool(const http_client_options& options)
      : options_(options) {}

  result<http_reply> call(const std::string& endpoint, httplib::Request request,
                          const std::function<void(std::string_view)>& on_line);
  void interrupt();

 private:
  using client_ptr = std::unique_ptr<httplib::Client>;
  struct idle_client {
    client_ptr client;
    steady::time_point since;
  };

  result<client_ptr> lend(const std::string& endpoint);
  result<client_ptr> connect(const std::string& endpoint) const;
  void give_back(const std::string& endpoint, client_ptr client,
                 bool is_healthy);
  bool interrupted() const;

  const http_client_options options_;
  mutable mutex mutex_;
  bool interrupted_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::vector<idle_client>>
      idle_ DYNAMO_GUARDED_BY(mutex_);
  std::vector<httplib::Client*> lent_ DYNAMO_GUARDED_BY(mutex_);
};

namespace {

/// Takes an answer apart while it arrives.
class answer_reader {
 public:
  answer_reader(std::size_t bytes_max,
                const std::function<void(std::string_view)>& on_line)
      : bytes_max_(bytes_max)
      , on_line_(on_line) {}

  void begin(int status) { status_ = status; }

  /// False when the answer is too long.
  bool take(std::string_view bytes) {
    text_ += bytes;
    if (status_ == 200 && on_line_) {
      std::size_t begin = 0;
      for (std::size_t end = text_.find('\n'); end != std::string::npos;
           end = text_.find('\n', begin)) {
        on_line_(std::string_view{text_}.substr(begin, end - begin));
        begin = end + 1;
      }
      text_.erase(0, begin);
    }
    return text_.size() <= bytes_max_;
  }

  std::string rest() && { return std::move(text_); }

 private:
  const std::size_t bytes_max_;
  const std::function<void(std::string_view)>& on_line_;
  int status_ = 0;
  std::string text_;
};

} // namespace

result<http_clients::pool::client_ptr>
http_clients::pool::connect(const std::string& endpoint) const {
  const auto to = address_of(endpoint);
  if (!to) {
    return error{errc::invalid,
                 "expected http://HOST:PORT, got \"" + endpoint + "\""};
  }
  auto client = std::make_unique<httplib::Client>(to->host, to->port);
  client->set_keep_alive(true);
  client->set_tcp_nodelay(true);
  client->set_connection_timeout(options_.connect_timeout);
  client->set_read_timeout(options_.read_timeout);
  client->set_write_timeout(options_.read_timeout);
  return client;
}

result<http_clients::pool::client_ptr>
http_clients::pool::lend(const std::string& endpoint) {
  client_ptr found;
  // Destroyed without the lock, for closing takes time.
  std::vector<idle_client> outdated;
  {
    const lock_guard guard{mutex_};
    if (interrupted_) {
      return error{errc::closed, endpoint + ": interrupted"};
    }
    std::vector<idle_client>& idle = idle_[endpoint];
    if (!idle.empty() && steady::now() - idle.back().since > idle_max) {
      outdated.swap(idle);
    }
    if (!idle.empty()) {
      found = std::move(idle.back().client);
      idle.pop_back();
    }
  }
  if (!found) {
    auto made = connect(endpoint);
    if (!made) {
      return made;
    }
    found = *std::move(made);
  }
  const lock_guard guard{mutex_};
  lent_.push_back(found.get());
  return found;
}

void http_clients::pool::give_back(const std::string& endpoint,
                                   client_ptr client, bool is_healthy) {
  std::vector<idle_client> broken;
  const lock_guard guard{mutex_};
  std::erase(lent_, client.get());
  const auto idle = idle_.find(endpoint);
  if (is_healthy && !interrupted_ && idle != idle_.end()) {
    idle->second.push_back({std::move(client), steady::now()});
  } else if (!is_healthy && idle != idle_.end()) {
    // The server has gone, and the other connections with it.
    broken.swap(idle->second);
    idle_.erase(idle);
  }
}

bool http_clients::pool::interrupted() const {
  const lock_guard guard{mutex_};
  return interrupted_;
}

void http_clients::pool::interrupt() {
  const lock_guard guard{mutex_};
  interrupted_ = true;
  for (httplib::Client* each : lent_) {
    // Only shuts its socket down; under the lock, so that it stays lent.
    each->stop();
  }
}

result<http_reply>
http_clients::pool::call(const std::string& endpoint, httplib::Request request,
                         const std::function<void(std::string_view)>& on_line) {
  auto client = lend(endpoint);
  if (!client) {
    return std::move(client).error();
  }
  answer_reader reader{options_.answer_bytes_max, on_line};
  request.response_handler = [&reader](const httplib::Response& response) {
    reader.begin(response.status);
    return true;
  };
  request.content_receiver = [&reader](const char* bytes, std::size_t count,
                                       std::uint64_t, std::uint64_t) {
    return reader.take({bytes, count});
  };
  httplib::Response response;
  auto failure = httplib::Error::Success;
  std::string reason;
  bool answered = false;
  try {
    answered = (*client)->send(request, response, failure);
    reason = httplib::to_string(failure);
  } catch (const std::exception& thrown) {
    reason = thrown.what();
  }
  give_back(endpoint, *std::move(client), answered);
  if (!answered) {
    return error{interrupted() ? errc::closed : errc::unavailable,
                 endpoint + request.path + ": no answer (" + reason + ")"};
  }
  return http_reply{response.status, std::move(reader).rest()};
}

http_clients::http_clients(const http_client_options& options)
    : pool_(std::make_unique<pool>(options)) {}

http_clients::~http_clients() = default;

result<http_reply> http_clients::get(const std::string& endpoint,
                                     const std::string& path) {
  httplib::Request request;
  request.method = "GET";
  request.path = path;
  return pool_->call(endpoint, std::move(request), {});
}

result<http_reply> http_clients::remove(const std::string& endpoint,
                                        const std::string& path) {
  httplib::Request request;
  request.method = "DELETE";
  request.path = path;
  return pool_->call(endpoint, std::move(request), {});
}

result<http_reply> http_clients::post(const std::string& endpoint,
                                      const std::string& path,
                                      std::string body) {
  return post_for_lines(endpoint, path, std::move(body), {});
}

result<http_reply> http_clients::post_for_lines(
    const std::string& endpoint, const std::string& path, std::string body,
    const std::function<void(std::string_view)>& on_line) {
  httplib::Request request;
  request.method = "POST";
  request.path = path;
  request.headers.emplace("Content-Type", "application/json");
  request.body = std::move(body);
  return pool_->call(endpoint, std::move(request), on_line);
}

void http_clients::interrupt() {
  pool_->interrupt();
}

} // namespace dynamo::apps
