#include "dynamo/discovery/grpc_channel.hpp"

#include "dynamo/discovery/curl_support.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace dynamo {

struct grpc_channel::transfer {
  transfer(grpc_call asked, grpc_sink told, std::size_t message_bytes_max)
      : call(std::move(asked))
      , sink(std::move(told))
      , body(grpc_frame_of(call.message))
      , frames(message_bytes_max)
      , easy(curl_easy_init()) {}
  ~transfer() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  grpc_call call;
  grpc_sink sink;
  std::string body;
  grpc_frame_reader frames;
  CURL* easy;
  curl_slist* headers = nullptr;
  char failure[CURL_ERROR_SIZE] = {};
  /// What has arrived and was not told yet.
  std::vector<std::string> messages;
  bool has_message = false;
  /// The server's word on how it ended.
  std::optional<int> code;
  std::string reason;
  /// Why the response cannot be read.
  status readable;
  std::optional<grpc_end> end;
};

grpc_channel::grpc_channel(grpc_target target)
    : target_(std::move(target)) {
  prepare_curl();
  multi_ = curl_multi_init();
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
  curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, 1000L);
}

grpc_channel::~grpc_channel() {
  for (const auto& [id, each] : transfers_) {
    curl_multi_remove_handle(multi_, each->easy);
  }
  transfers_.clear();
  curl_multi_cleanup(multi_);
}

std::uint64_t grpc_channel::start(grpc_call call, grpc_sink sink) {
  const std::uint64_t id = next_id_++;
  auto fresh = std::make_unique<transfer>(std::move(call), std::move(sink),
                                          target_.message_bytes_max);
  if (!prepare(*fresh) ||
      curl_multi_add_handle(multi_, fresh->easy) != CURLM_OK) {
    fresh->end = grpc_end{false, grpc_code::ok, "no memory for a call"};
  }
  transfers_.emplace(id, std::move(fresh));
  return id;
}

bool grpc_channel::prepare(transfer& fresh) const {
  CURL* const easy = fresh.easy;
  if (easy == nullptr) {
    return false;
  }
  curl_easy_setopt(easy, CURLOPT_URL,
                   (target_.origin + std::string{fresh.call.method}).c_str());
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, http_version());
  // All calls share the connection that the first one makes.
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fresh.failure);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(target_.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(fresh.call.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE,
                   curl_seconds(target_.probe_interval));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL,
                   curl_seconds(target_.probe_timeout / 3));
  set_pem(easy, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, target_.ca);
  set_pem(easy, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, target_.certificate);
  set_pem(easy, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, target_.key);

  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fresh.body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(fresh.body.size()));
  std::vector<std::string> lines{"content-type: application/grpc",
                                 "te: trailers", "accept:", "expect:"};
  lines.insert(lines.end(), fresh.call.headers.begin(),
               fresh.call.headers.end());
  for (const std::string& line : lines) {
    curl_slist* const longer = curl_slist_append(fresh.headers, line.c_str());
    if (longer == nullptr) {
      return false;
    }
    fresh.headers = longer;
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fresh.headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &grpc_channel::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &fresh);
  // Trailers come this way too.
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &grpc_channel::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &fresh);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &fresh);
  return true;
}

/// Without TLS, what opens the connection has to know that the server speaks
/// HTTP/2. What joins it must not: libcurl 7.88 would begin HTTP/2 on it a
/// second time.
long grpc_channel::http_version() const {
  if (target_.origin.starts_with("https://")) {
    return CURL_HTTP_VERSION_2TLS;
  }
  return is_open_ ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

void grpc_channel::cancel(std::uint64_t id) {
  const auto found = transfers_.find(id);
  if (found != transfers_.end()) {
    curl_multi_remove_handle(multi_, found->second->easy);
    transfers_.erase(found);
  }
}

std::vector<grpc_sink> grpc_channel::abandon() {
  std::vector<grpc_sink> sinks;
  for (const auto& [id, each] : transfers_) {
    curl_multi_remove_handle(multi_, each->easy);
    sinks.push_back(std::move(each->sink));
  }
  transfers_.clear();
  return sinks;
}

void grpc_channel::run(int wake_fd, std::chrono::milliseconds timeout) {
  int running = 0;
  // What was started since the last time is sent before anybody waits.
  curl_multi_perform(multi_, &running);
  finish_transfers();
  const bool has_news =
      std::any_of(transfers_.begin(), transfers_.end(), [](const auto& each) {
        return each.second->end || !each.second->messages.empty();
      });
  if (!has_news) {
    curl_waitfd wake{wake_fd, CURL_WAIT_POLLIN, 0};
    curl_multi_poll(multi_, &wake, 1, static_cast<int>(timeout.count()),
                    nullptr);
    curl_multi_perform(multi_, &running);
    finish_transfers();
  }
  tell();
}

void grpc_channel::finish_transfers() {
  int left = 0;
  while (CURLMsg* const news = curl_multi_info_read(multi_, &left)) {
    if (news->msg != CURLMSG_DONE) {
      continue;
    }
    void* of = nullptr;
    curl_easy_getinfo(news->easy_handle, CURLINFO_PRIVATE, &of);
    transfer& done = *static_cast<transfer*>(of);
    done.end = end_of(done, news->data.result);
  }
  // A call that is to end anyway is waited for: libcurl may close the
  // connection, and so end all calls, when one ends early.
  for (const auto& [id, each] : transfers_) {
    const bool is_open = each->call.timeout.count() == 0;
    if (is_open && !each->readable && !each->end) {
      each->end = end_of(*each, CURLE_OK);
    }
  }
}

grpc_end grpc_channel::end_of(transfer& done, int outcome) {
  long status = 0;
  long version = CURL_HTTP_VERSION_NONE;
  curl_easy_getinfo(done.easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(done.easy, CURLINFO_HTTP_VERSION, &version);
  // What joined a connection that had just ended was sent on another one, in
  // another language.
  if (status != 0 && version != CURL_HTTP_VERSION_2_0) {
    return {false, grpc_code::ok,
            is_open_ ? "the connection was lost"
                     : "expected HTTP/2, got HTTP/1 with status " +
                           std::to_string(status)};
  }
  if (!done.readable) {
    const bool is_too_large = done.readable.error().code == errc::too_large;
    return {is_too_large, grpc_code::internal, done.readable.error().message,
            is_too_large};
  }
  if (done.code) {
    is_open_ = true;
    return *done.code == grpc_code::ok && !done.frames.at_boundary()
               ? grpc_end{false, grpc_code::ok,
                          "the response ends within a message"}
               : grpc_end{true, *done.code, done.reason};
  }
  // libcurl 7.88 loses trailers now and then when many calls are busy. A server
  // sends a message of a call that ends only when that succeeds.
  if (outcome == CURLE_OK && status == 200 && done.has_message &&
      done.frames.at_boundary() && done.call.timeout.count() > 0) {
    return {true, grpc_code::ok, {}};
  }
  if (outcome == CURLE_OK) {
    return {false, grpc_code::ok,
            "expected gRPC, got HTTP status " + std::to_string(status)};
  }
  const char* const reason =
      done.failure[0] != '\0'
          ? done.failure
          : curl_easy_strerror(static_cast<CURLcode>(outcome));
  return {false, grpc_code::ok, reason};
}

void grpc_channel::tell() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, each] : transfers_) {
    if (each->end || !each->messages.empty()) {
      ids.push_back(id);
    }
  }
  // A sink may cancel any call, its own one too.
  const auto find = [this](std::uint64_t id) -> transfer* {
    const auto found = transfers_.find(id);
    return found == transfers_.end() ? nullptr : found->second.get();
  };
  for (const std::uint64_t id : ids) {
    const transfer* const begun = find(id);
    if (begun == nullptr) {
      continue;
    }
    const auto on_message = begun->sink.on_message;
    for (std::string& each : std::exchange(find(id)->messages, {})) {
      if (find(id) != nullptr) {
        on_message(std::move(each));
      }
    }
    transfer* const done = find(id);
    if (done != nullptr && done->end) {
      const grpc_end end = *std::move(done->end);
      const auto on_end = std::move(done->sink.on_end);
      cancel(id);
      on_end(end);
    }
  }
}

std::size_t grpc_channel::on_body(char* piece, std::size_t size,
                                  std::size_t count, void* of) {
  transfer& call = *static_cast<transfer*>(of);
  const std::size_t length = size * count;
  // What cannot be read is dropped; to refuse it here would end the connection.
  if (call.readable) {
    call.readable = call.frames.take({piece, length}, call.messages);
    call.has_message = call.has_message || !call.messages.empty();
  }
  return length;
}

std::size_t grpc_channel::on_header(char* line, std::size_t size,
                                    std::size_t count, void* of) {
  transfer& call = *static_cast<transfer*>(of);
  const std::string_view text{line, size * count};
  if (const auto code = header_value(text, "grpc-status")) {
    call.code = grpc_status_code(*code);
  } else if (const auto reason = header_value(text, "grpc-message")) {
    call.reason = grpc_message_text(*reason);
  }
  return size * count;
}

} // namespace dynamo
