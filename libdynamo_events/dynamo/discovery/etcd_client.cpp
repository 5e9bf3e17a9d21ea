#include "dynamo/discovery/etcd_client.hpp"

#include "dynamo/base/ids.hpp"
#include "dynamo/discovery/etcd_messages.hpp"

#include <algorithm>
#include <poll.h>
#include <utility>

namespace dynamo {

namespace {

bool mentions(const grpc_end& end, std::string_view words) {
  return end.reason.find(words) != std::string::npos;
}

/// The server wants another token than the one it was given.
bool wants_token(const grpc_end& end) {
  return end.answered && (end.code == grpc_code::unauthenticated ||
                          (end.code == grpc_code::invalid_argument &&
                           mentions(end, "revision of auth store is old")));
}

/// The server itself is of no use now.
bool is_unreachable(const grpc_end& end) {
  return !end.answered || end.code == grpc_code::unavailable ||
         end.code == grpc_code::deadline_exceeded;
}

} // namespace

bool etcd_answer::is_temporary() const {
  return is_unreachable(end) || end.code == grpc_code::resource_exhausted ||
         end.code == grpc_code::unauthenticated;
}

error to_error(const etcd_answer& answer, std::string_view what) {
  errc code = errc::io;
  if (answer.is_temporary()) {
    code = errc::unavailable;
  } else if (answer.end.code == grpc_code::not_found) {
    code = errc::not_found;
  } else if (answer.end.code == grpc_code::invalid_argument ||
             answer.end.code == grpc_code::permission_denied) {
    code = errc::invalid;
  }
  return {code, std::string{what} + ": " + answer.end.reason};
}

etcd_client::etcd_client(etcd_access access, const etcd_timing& timing,
                         const notice_sink& notice)
    : access_(std::move(access))
    , timing_(timing)
    , notice_(notice)
    , next_endpoint_(random_u64() % access_.endpoints.size())
    , delay_(timing.retry, random_u64())
    , away_since_(std::chrono::steady_clock::now()) {}

etcd_client::~etcd_client() = default;

// -- Connecting

void etcd_client::turn(clock_time now) {
  left_.clear();
  if (state_ == state::away && now >= retry_at_) {
    connect();
  }
  note_outage(now);
}

etcd_client::clock_time etcd_client::due() const {
  const bool is_spoken_of = !outage_.empty();
  switch (state_) {
  case state::away:
    return is_spoken_of ? retry_at_
                        : std::min(retry_at_, away_since_ + timing_.outage);
  case state::connecting:
    return is_spoken_of ? clock_time::max() : away_since_ + timing_.outage;
  case state::ready:
    break;
  }
  return clock_time::max();
}

void etcd_client::run(int wake_fd, std::chrono::milliseconds timeout) {
  if (channel_) {
    channel_->run(wake_fd, timeout);
    return;
  }
  pollfd wake{wake_fd, POLLIN, 0};
  ::poll(&wake, 1, static_cast<int>(timeout.count()));
}

void etcd_client::connect() {
  grpc_target target = access_.target;
  target.origin = access_.endpoints[next_endpoint_];
  next_endpoint_ = (next_endpoint_ + 1) % access_.endpoints.size();
  channel_ = std::make_unique<grpc_channel>(std::move(target));
  state_ = state::connecting;
  token_.clear();
  if (access_.username.empty()) {
    probe();
  } else {
    authenticate();
  }
}

void etcd_client::authenticate() {
  renewing_ = true;
  call(etcd_method::authenticate,
       encode_authenticate(access_.username, access_.password),
       [this](const etcd_answer& answer) { on_authenticated(answer); });
}

void etcd_client::on_authenticated(const etcd_answer& answer) {
  if (state_ == state::away) {
    return;
  }
  renewing_ = false;
  auto token = answer.is_ok() ? decode_authenticate(answer.message)
                              : result<std::string>{std::string{}};
  // A server without authentication takes everybody.
  const bool is_needless =
      answer.end.answered && answer.end.code == grpc_code::failed_precondition;
  if (!token || !(answer.is_ok() || is_needless)) {
    const bool unreachable = is_unreachable(answer.end);
    const std::string reason =
        token ? answer.end.reason : to_string(token.error());
    refused_ = refused_ || !unreachable;
    on_failed(unreachable ? reason
                          : "user \"" + access_.username + "\": " + reason);
    return;
  }
  token_ = *std::move(token);
  if (state_ == state::connecting) {
    probe();
    return;
  }
  for (request& each : std::exchange(waiting_, {})) {
    send(std::move(each));
  }
}

// Answered by a server that has a leader, and by no other.
void etcd_client::probe() {
  call(etcd_method::range,
       encode(etcd_range_request{
           .key = std::string{path_of(bucket::event_channels)} + '/',
           .keys_only = true}),
       [this](const etcd_answer& answer) {
         if (state_ == state::away) {
           return;
         }
         const bool is_nobody =
             answer.end.answered &&
             answer.end.code == grpc_code::invalid_argument &&
             mentions(answer.end, "user name is empty");
         if (is_nobody) {
           refused_ = true;
           on_failed("expects a user name and a password "
                     "(ETCD_AUTH_USERNAME, ETCD_AUTH_PASSWORD): " +
                     answer.end.reason);
         } else if (is_unreachable(answer.end)) {
           on_failed(answer.end.reason);
         } else {
           on_connected();
         }
       });
}

void etcd_client::on_connected() {
  state_ = state::ready;
  ++connection_;
  refused_ = false;
  refusal_told_ = false;
  failed_in_a_row_ = 0;
  delay_.reset();
  failures_.clear();
  if (!outage_.empty()) {
    notice_("etcd discovery: connected to " + channel_->origin());
    outage_.clear();
  }
}

void etcd_client::on_failed(const std::string& reason) {
  failures_[channel_ ? channel_->origin() : std::string{}] = reason;
  ++failed_in_a_row_;
  const auto now = std::chrono::steady_clock::now();
  const bool had_been_ready = state_ == state::ready;
  lose();
  if (had_been_ready) {
    away_since_ = now;
    // The others may be well: at once.
    failed_in_a_row_ = 0;
    retry_at_ = now;
  } else if (failed_in_a_row_ % access_.endpoints.size() != 0) {
    retry_at_ = now;
  } else {
    retry_at_ = now + delay_.next();
  }
  if (refused_) {
    retry_at_ = std::max(retry_at_, now + timing_.authentication_delay);
  }
}

void etcd_client::leave(const std::string& reason) {
  if (state_ != state::away) {
    on_failed(reason);
  }
}

/// Everybody who waits for the connection is told that it is gone.
void etcd_client::lose() {
  state_ = state::away;
  auto orphans = channel_ ? channel_->abandon() : std::vector<grpc_sink>{};
  if (channel_) {
    left_.push_back(std::move(channel_));
  }
  const grpc_end end{false, grpc_code::ok, "the connection was lost"};
  auto waiting = std::exchange(waiting_, {});
  renewing_ = false;
  for (const grpc_sink& each : orphans) {
    each.on_end(end);
  }
  for (const request& each : waiting) {
    each.sink({end, {}});
  }
}

void etcd_client::note_outage(clock_time now) {
  if (state_ == state::ready || failures_.empty()) {
    return;
  }
  const bool is_news =
      outage_.empty() && (now >= away_since_ + timing_.outage || refused_);
  const bool is_refusal = refused_ && !refusal_told_;
  if (is_news || is_refusal) {
    refusal_told_ = refused_;
    outage_ = (refused_ ? "etcd refuses us: " : "etcd cannot be reached: ") +
              failures();
    notice_("etcd discovery: " + outage_);
  }
}

std::string etcd_client::failures() const {
  std::string text;
  for (const auto& [endpoint, reason] : failures_) {
    text += (text.empty() ? "" : "; ") + endpoint + ": " + reason;
  }
  return text;
}

// -- Asking

void etcd_client::ask(std::string_view method, std::string message,
                      answer_sink sink) {
  if (!is_ready()) {
    sink({{false, grpc_code::ok, "etcd cannot be reached"}, {}});
    return;
  }
  send({method, std::move(message), std::move(sink)});
}

void etcd_client::send(request asked) {
  if (renewing_) {
    waiting_.push_back(std::move(asked));
    return;
  }
  auto shared = std::make_shared<request>(std::move(asked));
  call(shared->method, shared->message, [this, shared](const etcd_answer& got) {
    on_answer(std::move(*shared), got);
  });
}

void etcd_client::on_answer(request asked, etcd_answer answer) {
  if (wants_token(answer.end) && !asked.repeated && !access_.username.empty() &&
      is_ready()) {
    asked.repeated = true;
    waiting_.push_back(std::move(asked));
    if (!renewing_) {
      authenticate();
    }
    return;
  }
  if (is_unreachable(answer.end) && is_ready()) {
    on_failed(answer.end.reason);
  }
  asked.sink(answer);
}

void etcd_client::call(std::string_view method, std::string message,
                       answer_sink sink) {
  grpc_call call{method, std::move(message), {}, access_.request_timeout};
  if (!token_.empty() && method != etcd_method::authenticate) {
    call.headers.push_back("authorization: " + token_);
  }
  auto came = std::make_shared<std::vector<std::string>>();
  channel_->start(
      std::move(call),
      {[came](std::string piece) { came->push_back(std::move(piece)); },
       [came, sink = std::move(sink)](const grpc_end& end) {
         etcd_answer answer{end, {}};
         if (end.is_ok() && came->size() != 1) {
           answer.end = {true, grpc_code::internal,
                         "expected one message, got " +
                             std::to_string(came->size())};
         } else if (!came->empty()) {
           answer.message = std::move(came->front());
         }
         sink(answer);
       }});
}

std::uint64_t etcd_client::open(std::string_view method, std::string message,
                                grpc_sink sink) {
  grpc_call call{method, std::move(message), {"hasleader: true"}, {}};
  if (!token_.empty()) {
    call.headers.push_back("authorization: " + token_);
  }
  return channel_->start(std::move(call), std::move(sink));
}

void etcd_client::close(std::uint64_t id) {
  if (channel_) {
    channel_->cancel(id);
  }
}

} // namespace dynamo
