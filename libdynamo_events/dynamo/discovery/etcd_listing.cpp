#include "dynamo/discovery/etcd_listing.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace dynamo {

namespace {

/// A listing that is on its way; kept alive by the request that it waits for.
struct listing_course : std::enable_shared_from_this<listing_course> {
  listing_course(etcd_client& asked, const etcd_listing& what,
                 std::function<void(result<etcd_snapshot>)> sink)
      : client(asked)
      , wanted(what)
      , done(std::move(sink))
      , page(what.page) {}

  void next_page() {
    const std::string prefix = prefix_of(wanted.where);
    etcd_range_request request;
    // The smallest key after the last one.
    request.key =
        found.values.empty() ? prefix : found.values.back().key + '\0';
    request.range_end = range_end_of(prefix);
    request.limit = static_cast<std::int64_t>(page);
    request.revision = found.revision;
    request.keys_only = wanted.keys_only;
    client.ask(etcd_method::range, encode(request),
               [self = shared_from_this()](const etcd_answer& answer) {
                 self->on_page(answer);
               });
  }

  void on_page(const etcd_answer& answer) {
    const std::string prefix = prefix_of(wanted.where);
    if (answer.end.is_too_large && page > 1) {
      page = std::max<std::size_t>(1, page / 8);
      next_page();
      return;
    }
    if (!answer.is_ok()) {
      done(to_error(answer, "listing " + prefix));
      return;
    }
    auto part = decode_range(answer.message);
    if (!part) {
      done(std::move(part).error());
      return;
    }
    if (found.revision == 0) {
      found.revision = part->revision;
    }
    const bool goes_on = part->more && !part->values.empty();
    for (etcd_key_value& each : part->values) {
      found.values.push_back(std::move(each));
    }
    if (found.values.size() > wanted.keys_max) {
      done(error{errc::too_large, "listing " + prefix + ": expected at most " +
                                      std::to_string(wanted.keys_max) +
                                      " keys"});
    } else if (goes_on) {
      next_page();
    } else {
      done(std::move(found));
    }
  }

  etcd_client& client;
  const etcd_listing wanted;
  const std::function<void(result<etcd_snapshot>)> done;
  /// Smaller for records that are large.
  std::size_t page;
  etcd_snapshot found;
};

} // namespace

std::string prefix_of(bucket where) {
  return std::string{path_of(where)} + '/';
}

void list_keys(etcd_client& client, const etcd_listing& wanted,
               std::function<void(result<etcd_snapshot>)> done) {
  std::make_shared<listing_course>(client, wanted, std::move(done))
      ->next_page();
}

} // namespace dynamo
