#include "dynamo/discovery/kube_http.hpp"

#include "dynamo/discovery/curl_support.hpp"
#include "dynamo/discovery/kube_messages.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace dynamo {

namespace {

/// "Retry-After: 3"; the form with a date is not taken.
std::chrono::milliseconds advice_in(std::string_view text) {
  int seconds = 0;
  const auto read =
      std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool is_number =
      read.ec == std::errc{} && read.ptr == text.data() + text.size();
  return std::chrono::seconds{is_number ? std::max(0, seconds) : 0};
}

} // namespace

struct kube_http::transfer {
  transfer(kube_request asked, kube_sink told)
      : request(std::move(asked))
      , sink(std::move(told))
      , easy(curl_easy_init()) {}
  ~transfer() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    curl_slist_free_all(connect_to);
  }
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  bool is_refused() const {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status < 200 || status >= 300;
  }

  bool has_news() const { return opens || !lines.empty() || end; }

  /// Cuts what has arrived of a watch into lines.
  void cut_lines() {
    std::size_t at = 0;
    for (std::size_t newline = 0;
         (newline = received.find('\n', at)) != std::string::npos;
         at = newline + 1) {
      if (newline > at) {
        lines.push_back(received.substr(at, newline - at));
      }
    }
    received.erase(0, at);
  }

  kube_request request;
  kube_sink sink;
  CURL* easy;
  curl_slist* headers = nullptr;
  curl_slist* connect_to = nullptr;
  char failure[CURL_ERROR_SIZE] = {};
  std::size_t bytes_max = 0;
  bool is_too_large = false;
  std::chrono::milliseconds retry_after{0};
  /// The body, or the beginning of a line of a watch.
  std::string received;
  /// What is still to be told.
  bool opens = false;
  std::vector<std::string> lines;
  std::optional<kube_answer> end;
};

kube_http::kube_http(kube_access access, std::chrono::milliseconds token_reread,
                     const kube_http_limits& limits)
    : access_(std::move(access))
    , limits_(limits)
    , token_(access_, token_reread) {
  prepare_curl();
  multi_ = curl_multi_init();
}

kube_http::~kube_http() {
  for (const auto& [id, each] : transfers_) {
    curl_multi_remove_handle(multi_, each->easy);
  }
  transfers_.clear();
  curl_multi_cleanup(multi_);
}

std::uint64_t kube_http::start(kube_request request, kube_sink sink) {
  const std::uint64_t id = next_id_++;
  auto fresh = std::make_unique<transfer>(std::move(request), std::move(sink));
  if (!prepare(*fresh) ||
      curl_multi_add_handle(multi_, fresh->easy) != CURLM_OK) {
    fresh->end = kube_answer{0, {}, "no memory for a request", {}};
  }
  transfers_.emplace(id, std::move(fresh));
  return id;
}

bool kube_http::prepare(transfer& fresh) {
  CURL* const easy = fresh.easy;
  if (easy == nullptr) {
    return false;
  }
  fresh.bytes_max = limits_.answer_bytes_max;
  const auto timeout = fresh.request.is_watch ? std::chrono::milliseconds{0}
                                              : limits_.request_timeout;
  if (!set_address(fresh)) {
    return false;
  }
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fresh.failure);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(limits_.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set_pem(easy, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, access_.ca);
  set_pem(easy, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, access_.certificate);
  set_pem(easy, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, access_.key);
  if (!access_.is_verified) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                   std::string{fresh.request.method}.c_str());
  if (!fresh.request.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fresh.request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(fresh.request.body.size()));
  }
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &kube_http::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &fresh);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &kube_http::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &fresh);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &fresh);
  return add_headers(fresh);
}

/// Where a certificate has another name than the server's address, the address
/// in the URL has that name, and is connected to the server's all the same.
bool kube_http::set_address(transfer& fresh) const {
  std::string server = access_.server;
  if (!access_.server_name.empty()) {
    const std::size_t host = server.find("://") + 3;
    const std::size_t colon = server.rfind(':');
    const bool has_port =
        colon > host && server.find(']', colon) == std::string::npos;
    const std::string port = has_port ? server.substr(colon) : ":443";
    const std::string address =
        "::" +
        server.substr(host, has_port ? colon - host : std::string::npos) + port;
    fresh.connect_to = curl_slist_append(nullptr, address.c_str());
    if (fresh.connect_to == nullptr) {
      return false;
    }
    curl_easy_setopt(fresh.easy, CURLOPT_CONNECT_TO, fresh.connect_to);
    server = server.substr(0, host) + access_.server_name + port;
  }
  return curl_easy_setopt(fresh.easy, CURLOPT_URL,
                          (server + fresh.request.path).c_str()) == CURLE_OK;
}

bool kube_http::add_headers(transfer& fresh) {
  std::vector<std::string> lines{"Accept: application/json",
                                 "Expect:", "User-Agent: dynamo-events"};
  const std::string& token = token_.text(std::chrono::steady_clock::now());
  if (!token.empty()) {
    lines.push_back("Authorization: Bearer " + token);
  }
  if (!fresh.request.content_type.empty()) {
    lines.push_back("Content-Type: " + std::string{fresh.request.content_type});
  }
  for (const std::string& line : lines) {
    curl_slist* const longer = curl_slist_append(fresh.headers, line.c_str());
    if (longer == nullptr) {
      return false;
    }
    fresh.headers = longer;
  }
  curl_easy_setopt(fresh.easy, CURLOPT_HTTPHEADER, fresh.headers);
  return true;
}

void kube_http::cancel(std::uint64_t id) {
  const auto found = transfers_.find(id);
  if (found != transfers_.end()) {
    curl_multi_remove_handle(multi_, found->second->easy);
    transfers_.erase(found);
  }
}

void kube_http::run(int wake_fd, std::chrono::milliseconds timeout) {
  int running = 0;
  // What was started since the last time is sent before anybody waits.
  curl_multi_perform(multi_, &running);
  finish();
  const auto has_news = [](const auto& each) {
    return each.second->has_news();
  };
  if (std::none_of(transfers_.begin(), transfers_.end(), has_news)) {
    curl_waitfd wake{wake_fd, CURL_WAIT_POLLIN, 0};
    curl_multi_poll(multi_, &wake, 1, static_cast<int>(timeout.count()),
                    nullptr);
    curl_multi_perform(multi_, &running);
    finish();
  }
  std::vector<std::uint64_t> ids;
  for (const auto& each : transfers_) {
    if (has_news(each)) {
      ids.push_back(each.first);
    }
  }
  for (const std::uint64_t id : ids) {
    tell_one(id);
  }
}

void kube_http::finish() {
  int left = 0;
  while (CURLMsg* const news = curl_multi_info_read(multi_, &left)) {
    if (news->msg != CURLMSG_DONE) {
      continue;
    }
    void* of = nullptr;
    long status = 0;
    curl_easy_getinfo(news->easy_handle, CURLINFO_PRIVATE, &of);
    curl_easy_getinfo(news->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    transfer& done = *static_cast<transfer*>(of);
    kube_answer answer;
    answer.retry_after = done.retry_after;
    if (news->data.result == CURLE_OK) {
      answer.status = static_cast<int>(status);
      answer.body = std::move(done.received);
      answer.reason =
          answer.is_ok() ? "" : reason_of(answer.status, answer.body);
    } else if (done.is_too_large) {
      answer.reason =
          "an answer of more than " + std::to_string(done.bytes_max) + " bytes";
    } else {
      answer.reason = done.failure[0] != '\0'
                          ? done.failure
                          : curl_easy_strerror(news->data.result);
    }
    if (answer.status == kube_status::unauthorized) {
      token_.doubt();
    }
    done.end = std::move(answer);
  }
}

kube_http::transfer* kube_http::find(std::uint64_t id) {
  const auto found = transfers_.find(id);
  return found == transfers_.end() ? nullptr : found->second.get();
}

// A sink may cancel any request, its own one too.
void kube_http::tell_one(std::uint64_t id) {
  transfer* const begun = find(id);
  if (begun == nullptr) {
    return;
  }
  if (std::exchange(begun->opens, false)) {
    begun->sink.on_open();
  }
  // Opening a watch cancels nothing.
  const auto on_line = begun->sink.on_line;
  for (std::string& line : std::exchange(begun->lines, {})) {
    if (find(id) == nullptr) {
      return;
    }
    on_line(std::move(line));
  }
  transfer* const done = find(id);
  if (done != nullptr && done->end) {
    const kube_answer answer = *std::move(done->end);
    const auto on_end = std::move(done->sink.on_end);
    cancel(id);
    on_end(answer);
  }
}

std::size_t kube_http::on_body(char* piece, std::size_t size, std::size_t count,
                               void* of) {
  transfer& one = *static_cast<transfer*>(of);
  const std::size_t length = size * count;
  if (one.received.size() + length > one.bytes_max) {
    one.is_too_large = true;
    return 0;
  }
  one.received.append(piece, length);
  if (one.request.is_watch && !one.is_refused()) {
    one.cut_lines();
  }
  return length;
}

std::size_t kube_http::on_header(char* line, std::size_t size,
                                 std::size_t count, void* of) {
  transfer& one = *static_cast<transfer*>(of);
  const std::string_view text{line, size * count};
  if (const auto advice = header_value(text, "retry-after")) {
    one.retry_after = advice_in(*advice);
  }
  if (text == "\r\n" && one.request.is_watch && !one.is_refused()) {
    one.opens = true;
  }
  return size * count;
}

} // namespace dynamo
