#include "dynamo/discovery/etcd_lease.hpp"

#include "dynamo/base/ids.hpp"
#include "dynamo/discovery/etcd_messages.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// A grant that was refused is asked for again after this long.
constexpr std::chrono::milliseconds refused_delay{1000};

} // namespace

etcd_lease::etcd_lease(etcd_client& client, std::chrono::milliseconds ttl,
                       const notice_sink& notice)
    : client_(client)
    , ttl_(ttl)
    , notice_(notice)
    , random_(random_u64()) {}

void etcd_lease::turn(clock_time now) {
  if (asking_ || ended_ || !client_.is_ready()) {
    return;
  }
  // Whether the lease outlived the outage, only a new server can tell.
  const bool is_new_connection = seen_connection_ != client_.connection();
  if (!is_new_connection && now < due_) {
    return;
  }
  seen_connection_ = client_.connection();
  if (id_ == 0) {
    grant();
  } else {
    keep_alive();
  }
}

etcd_lease::clock_time etcd_lease::due() const {
  if (asking_ || ended_ || !client_.is_ready()) {
    return clock_time::max();
  }
  return seen_connection_ == client_.connection() ? due_ : clock_time{};
}

void etcd_lease::doubt() {
  due_ = clock_time{};
}

// The id of the first lease is this process's name in its records, so it is
// asked for again when the lease was lost.
void etcd_lease::grant() {
  asking_ = true;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(ttl_).count();
  client_.ask(etcd_method::lease_grant,
              encode_lease_grant(seconds, wants_another_id_ ? 0 : first_id_),
              [this](const etcd_answer& answer) { on_granted(answer); });
}

void etcd_lease::on_granted(const etcd_answer& answer) {
  asking_ = false;
  const auto now = std::chrono::steady_clock::now();
  if (!answer.is_ok()) {
    const bool is_taken = answer.end.answered &&
                          answer.end.code == grpc_code::failed_precondition &&
                          first_id_ != 0;
    wants_another_id_ = wants_another_id_ || is_taken;
    due_ = is_taken ? now : now + jittered(refused_delay);
    if (!answer.is_temporary() && !is_taken) {
      refusal_ = answer.end.reason;
      notice_("etcd discovery: no lease: " + refusal_);
    }
    return;
  }
  const auto granted = decode_lease(answer.message);
  if (!granted || granted->id == 0) {
    refusal_ = granted ? "the server granted a lease without an id"
                       : to_string(granted.error());
    due_ = now + jittered(refused_delay);
    return;
  }
  id_ = granted->id;
  ours_.insert(id_);
  if (first_id_ == 0) {
    first_id_ = id_;
  }
  wants_another_id_ = false;
  refusal_.clear();
  ++grants_;
  due_ = now + jittered(ttl_ / 3);
}

void etcd_lease::keep_alive() {
  asking_ = true;
  client_.ask(etcd_method::lease_keep_alive, encode_lease_id(id_),
              [this](const etcd_answer& answer) { on_kept(answer); });
}

void etcd_lease::on_kept(const etcd_answer& answer) {
  asking_ = false;
  const auto now = std::chrono::steady_clock::now();
  if (!answer.is_ok()) {
    if (answer.end.answered && answer.end.code == grpc_code::not_found) {
      lose();
    } else {
      due_ = now + jittered(std::min(refused_delay, ttl_ / 6));
    }
    return;
  }
  const auto kept = decode_lease(answer.message);
  if (kept && kept->ttl_seconds <= 0) {
    lose();
    return;
  }
  // A server that grants less than was asked for is taken at its word.
  const auto ttl = kept ? std::min<std::chrono::milliseconds>(
                              ttl_, std::chrono::seconds{kept->ttl_seconds})
                        : ttl_;
  due_ = now + jittered(ttl / 3);
}

void etcd_lease::lose() {
  notice_("etcd discovery: the lease " +
          id_to_hex(static_cast<std::uint64_t>(id_)) +
          " is gone; asking for another one and putting all records again");
  id_ = 0;
  due_ = clock_time{};
}

void etcd_lease::revoke(std::function<void()> done) {
  ended_ = true;
  if (id_ == 0 || !client_.is_ready()) {
    done();
    return;
  }
  client_.ask(etcd_method::lease_revoke, encode_lease_id(id_),
              [done = std::move(done)](const etcd_answer&) { done(); });
}

std::chrono::milliseconds etcd_lease::jittered(std::chrono::milliseconds time) {
  std::uniform_int_distribution<std::int64_t> around{time.count() * 9 / 10,
                                                     time.count() * 11 / 10};
  return std::chrono::milliseconds{around(random_)};
}

} // namespace dynamo
