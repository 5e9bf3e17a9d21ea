#include "dynamo/discovery/etcd_messages.hpp"

#include "dynamo/discovery/protobuf.hpp"

#include <utility>

namespace dynamo {

namespace {

// -- Writing

protobuf_writer range_of(const etcd_range_request& request) {
  protobuf_writer out;
  out.text(1, request.key);
  out.text(2, request.range_end);
  out.signed_integer(3, request.limit);
  out.signed_integer(4, request.revision);
  out.boolean(8, request.keys_only);
  return out;
}

// CompareResult EQUAL is 0 and so left out; targets are VERSION 0, MOD 2 and
// LEASE 4.
protobuf_writer compare_of(const etcd_condition& condition) {
  protobuf_writer out;
  switch (condition.is) {
  case etcd_condition::kind::absent:
    out.text(3, condition.key);
    out.chosen_integer(4, 0);
    break;
  case etcd_condition::kind::unchanged:
    out.integer(2, 2);
    out.text(3, condition.key);
    out.chosen_integer(6, static_cast<std::uint64_t>(condition.mod_revision));
    break;
  case etcd_condition::kind::has_lease:
    out.integer(2, 4);
    out.text(3, condition.key);
    out.chosen_integer(8, static_cast<std::uint64_t>(condition.lease));
    break;
  }
  return out;
}

protobuf_writer request_op_of(const etcd_operation& operation) {
  protobuf_writer inner;
  protobuf_writer out;
  switch (operation.is) {
  case etcd_operation::kind::range:
    inner = range_of({.key = operation.key, .keys_only = operation.keys_only});
    out.message(1, inner);
    break;
  case etcd_operation::kind::put:
    inner.text(1, operation.key);
    inner.text(2, operation.value);
    inner.signed_integer(3, operation.lease);
    out.message(2, inner);
    break;
  case etcd_operation::kind::remove:
    inner.text(1, operation.key);
    out.message(3, inner);
    break;
  }
  return out;
}

// -- Reading

/// Calls `take` with every field of a message; what it answers ends the
/// reading.
template <class Take>
status read_fields(std::string_view bytes, std::string_view what, Take take) {
  protobuf_reader in{bytes, what};
  while (!in.at_end()) {
    const auto field = in.next();
    if (!field) {
      return field.error();
    }
    if (status taken = take(*field); !taken) {
      return taken;
    }
  }
  return ok();
}

/// The revision of a ResponseHeader.
status read_header(const protobuf_field& field, std::int64_t& revision) {
  return read_fields(field.text, "header", [&](const protobuf_field& inner) {
    if (inner.number == 3) {
      revision = inner.signed_integer();
    }
    return ok();
  });
}

status read_key_value(std::string_view bytes, etcd_key_value& out) {
  return read_fields(bytes, "KeyValue", [&](const protobuf_field& field) {
    switch (field.number) {
    case 1:
      out.key = field.text;
      break;
    case 3:
      out.mod_revision = field.signed_integer();
      break;
    case 5:
      out.value = field.text;
      break;
    case 6:
      out.lease = field.signed_integer();
      break;
    default:
      break;
    }
    return ok();
  });
}

status read_range(std::string_view bytes, etcd_range_response& out) {
  return read_fields(bytes, "RangeResponse", [&](const protobuf_field& field) {
    if (field.number == 1) {
      return read_header(field, out.revision);
    }
    if (field.number == 2) {
      return read_key_value(field.text, out.values.emplace_back());
    }
    if (field.number == 3) {
      out.more = field.integer != 0;
    }
    return ok();
  });
}

status read_response_op(std::string_view bytes,
                        std::vector<etcd_key_value>& found) {
  return read_fields(bytes, "ResponseOp", [&](const protobuf_field& field) {
    if (field.number != 1) {
      return ok();
    }
    etcd_range_response range;
    if (status read = read_range(field.text, range); !read) {
      return read;
    }
    for (etcd_key_value& each : range.values) {
      found.push_back(std::move(each));
    }
    return ok();
  });
}

status read_event(std::string_view bytes, etcd_watch_event& out) {
  return read_fields(bytes, "Event", [&](const protobuf_field& field) {
    if (field.number == 1) {
      out.is_delete = field.integer == 1;
    }
    return field.number == 2 ? read_key_value(field.text, out.value) : ok();
  });
}

template <class Message>
result<Message> outcome_of(const status& read, Message&& message) {
  if (!read) {
    return read.error();
  }
  return std::forward<Message>(message);
}

} // namespace

std::string range_end_of(std::string_view prefix) {
  std::string end{prefix};
  ++end.back();
  return end;
}

std::string encode(const etcd_range_request& request) {
  return range_of(request).take();
}

std::string encode(const etcd_txn_request& request) {
  protobuf_writer out;
  for (const etcd_condition& each : request.conditions) {
    out.message(1, compare_of(each));
  }
  for (const etcd_operation& each : request.success) {
    out.message(2, request_op_of(each));
  }
  for (const etcd_operation& each : request.failure) {
    out.message(3, request_op_of(each));
  }
  return std::move(out).take();
}

std::string encode(const etcd_watch_request& request) {
  protobuf_writer create;
  create.text(1, request.key);
  create.text(2, request.range_end);
  create.signed_integer(3, request.start_revision);
  create.boolean(4, true);
  protobuf_writer out;
  out.message(1, create);
  return std::move(out).take();
}

std::string encode_lease_grant(std::int64_t ttl_seconds, std::int64_t id) {
  protobuf_writer out;
  out.signed_integer(1, ttl_seconds);
  out.signed_integer(2, id);
  return std::move(out).take();
}

std::string encode_lease_id(std::int64_t id) {
  protobuf_writer out;
  out.signed_integer(1, id);
  return std::move(out).take();
}

std::string encode_authenticate(std::string_view name,
                                std::string_view password) {
  protobuf_writer out;
  out.text(1, name);
  out.text(2, password);
  return std::move(out).take();
}

result<etcd_range_response> decode_range(std::string_view bytes) {
  etcd_range_response out;
  const status read = read_range(bytes, out);
  return outcome_of(read, std::move(out));
}

result<etcd_txn_response> decode_txn(std::string_view bytes) {
  etcd_txn_response out;
  const status read =
      read_fields(bytes, "TxnResponse", [&](const protobuf_field& field) {
        if (field.number == 1) {
          return read_header(field, out.revision);
        }
        if (field.number == 2) {
          out.succeeded = field.integer != 0;
        }
        return field.number == 3 ? read_response_op(field.text, out.found)
                                 : ok();
      });
  return outcome_of(read, std::move(out));
}

result<etcd_lease_response> decode_lease(std::string_view bytes) {
  etcd_lease_response out;
  const status read =
      read_fields(bytes, "lease response", [&](const protobuf_field& field) {
        if (field.number == 2) {
          out.id = field.signed_integer();
        } else if (field.number == 3) {
          out.ttl_seconds = field.signed_integer();
        }
        return ok();
      });
  return outcome_of(read, std::move(out));
}

result<etcd_watch_response> decode_watch(std::string_view bytes) {
  etcd_watch_response out;
  const status read =
      read_fields(bytes, "WatchResponse", [&](const protobuf_field& field) {
        switch (field.number) {
        case 1:
          return read_header(field, out.revision);
        case 3:
          out.created = field.integer != 0;
          break;
        case 4:
          out.canceled = field.integer != 0;
          break;
        case 5:
          out.compact_revision = field.signed_integer();
          break;
        case 6:
          out.cancel_reason = field.text;
          break;
        case 11:
          return read_event(field.text, out.events.emplace_back());
        default:
          break;
        }
        return ok();
      });
  return outcome_of(read, std::move(out));
}

result<std::string> decode_authenticate(std::string_view bytes) {
  std::string token;
  const status read = read_fields(bytes, "AuthenticateResponse",
                                  [&](const protobuf_field& field) {
                                    if (field.number == 2) {
                                      token = field.text;
                                    }
                                    return ok();
                                  });
  return outcome_of(read, std::move(token));
}

} // namespace dynamo
