#pragma once

#include "dynamo/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What is said to etcd and what it answers: those messages of its API, version
// 3, that discovery needs, and of them the fields that it uses. Pure bytes.

namespace dynamo {

/// The methods, as paths of HTTP/2 requests.
namespace etcd_method {
inline constexpr std::string_view range = "/etcdserverpb.KV/Range";
inline constexpr std::string_view txn = "/etcdserverpb.KV/Txn";
inline constexpr std::string_view watch = "/etcdserverpb.Watch/Watch";
inline constexpr std::string_view lease_grant =
    "/etcdserverpb.Lease/LeaseGrant";
inline constexpr std::string_view lease_revoke =
    "/etcdserverpb.Lease/LeaseRevoke";
inline constexpr std::string_view lease_keep_alive =
    "/etcdserverpb.Lease/LeaseKeepAlive";
inline constexpr std::string_view authenticate =
    "/etcdserverpb.Auth/Authenticate";
} // namespace etcd_method

/// A key as the server has it.
struct etcd_key_value {
  std::string key;
  std::string value;
  /// The revision that last changed it.
  std::int64_t mod_revision = 0;
  /// 0 for a key that belongs to no lease.
  std::int64_t lease = 0;

  bool operator==(const etcd_key_value&) const = default;
};

/// The end of the range of all keys that begin with `prefix`, which must end in
/// another byte than 0xff.
std::string range_end_of(std::string_view prefix);

// -- Requests

struct etcd_range_request {
  std::string key{};
  /// Empty: this key alone.
  std::string range_end{};
  /// 0: all.
  std::int64_t limit = 0;
  /// 0: the newest.
  std::int64_t revision = 0;
  bool keys_only = false;
};
std::string encode(const etcd_range_request& request);

/// A condition on one key.
struct etcd_condition {
  enum class kind { absent, unchanged, has_lease } is = kind::absent;
  std::string key{};
  /// Of an unchanged one.
  std::int64_t mod_revision = 0;
  /// Of one that has a lease.
  std::int64_t lease = 0;
};

struct etcd_operation {
  enum class kind { range, put, remove } is = kind::range;
  std::string key{};
  std::string value{};
  std::int64_t lease = 0;
  /// Of a range: not the value.
  bool keys_only = false;
};

/// `success` when every condition holds, else `failure`.
struct etcd_txn_request {
  std::vector<etcd_condition> conditions{};
  std::vector<etcd_operation> success{};
  std::vector<etcd_operation> failure{};
};
std::string encode(const etcd_txn_request& request);

struct etcd_watch_request {
  std::string key{};
  std::string range_end{};
  std::int64_t start_revision = 0;
};
/// Asks for progress notifications too.
std::string encode(const etcd_watch_request& request);

/// `id` 0: the server chooses.
std::string encode_lease_grant(std::int64_t ttl_seconds, std::int64_t id);
/// A LeaseRevokeRequest or a LeaseKeepAliveRequest: they look the same.
std::string encode_lease_id(std::int64_t id);
std::string encode_authenticate(std::string_view name,
                                std::string_view password);

// -- Responses: errc::truncated or errc::malformed for what is none

struct etcd_range_response {
  std::int64_t revision = 0;
  std::vector<etcd_key_value> values;
  /// There are more than the limit allowed.
  bool more = false;
};
result<etcd_range_response> decode_range(std::string_view bytes);

struct etcd_txn_response {
  std::int64_t revision = 0;
  bool succeeded = false;
  /// What its ranges found, one after the other. Ranges of single keys that
  /// found nothing leave nothing.
  std::vector<etcd_key_value> found;
};
result<etcd_txn_response> decode_txn(std::string_view bytes);

struct etcd_lease_response {
  std::int64_t id = 0;
  /// 0 or less: there is no such lease.
  std::int64_t ttl_seconds = 0;
};
/// A LeaseGrantResponse or a LeaseKeepAliveResponse.
result<etcd_lease_response> decode_lease(std::string_view bytes);

struct etcd_watch_event {
  bool is_delete = false;
  /// Of a deletion the key alone.
  etcd_key_value value;
};
struct etcd_watch_response {
  std::int64_t revision = 0;
  bool created = false;
  bool canceled = false;
  /// Not 0: the start revision was compacted, up to this one.
  std::int64_t compact_revision = 0;
  std::string cancel_reason;
  std::vector<etcd_watch_event> events;
};
result<etcd_watch_response> decode_watch(std::string_view bytes);

/// The token of an AuthenticateResponse.
result<std::string> decode_authenticate(std::string_view bytes);

} // namespace dynamo
