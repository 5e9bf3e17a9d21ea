#pragma once

#include "dynamo/discovery/etcd.hpp"

#include <memory>
#include <string>
#include <utility>

#include "discovery_fixture.hpp"
#include "etcd_server.hpp"

namespace dynamo::test {

using etcd_test::etcd_hand;
using etcd_test::etcd_server_process;

/// What takes seconds in use takes tenths of them here.
inline etcd_options quick_options(const std::string& endpoints) {
  etcd_options options;
  options.endpoints = endpoints;
  options.lease_ttl = 3s;
  options.startup_timeout = 10s;
  options.connect_timeout = 1s;
  options.request_timeout = 1s;
  options.compare = 200ms;
  options.grace = 2s;
  return options;
}

inline etcd_timing quick_timing() {
  etcd_timing timing;
  timing.retry = {20ms, 200ms};
  timing.authentication_delay = 200ms;
  timing.outage = 200ms;
  timing.answer = 10s;
  timing.recheck = 50ms;
  return timing;
}

inline result<std::unique_ptr<discovery>> try_join(etcd_options options,
                                                   notice_sink notice = {}) {
  return make_etcd_discovery(
      {std::move(options), std::move(notice), {}, quick_timing()});
}

inline std::unique_ptr<discovery> join(etcd_options options,
                                       notice_sink notice = {}) {
  auto made = try_join(std::move(options), std::move(notice));
  INFO((made ? std::string{} : to_string(made.error())));
  REQUIRE(made);
  return *std::move(made);
}

inline std::unique_ptr<discovery> join(const etcd_server_process& server,
                                       notice_sink notice = {}) {
  return join(quick_options(server.url()), std::move(notice));
}

/// Where a record stands.
inline std::string full_key(const record& value) {
  return std::string{path_of(bucket_of(value))} + '/' + key_of(value);
}

} // namespace dynamo::test
