#include "dynamo/base/bytes.hpp"
#include "dynamo/discovery/etcd_messages.hpp"
#include "dynamo/discovery/grpc_frame.hpp"

#include "fuzz/target.hpp"

using namespace dynamo;

namespace {

constexpr std::size_t message_bytes_max = 64 * 1024;

/// The messages in a body that comes in pieces of one size.
std::vector<std::string> messages_in(std::string_view body, std::size_t piece) {
  grpc_frame_reader frames{message_bytes_max};
  std::vector<std::string> messages;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    if (!frames.take(body.substr(at, piece), messages)) {
      break;
    }
  }
  return messages;
}

void read_as_everything(std::string_view message) {
  if (const auto listing = decode_range(message)) {
    require(listing->values.size() <= message.size(),
            "a listing has no more keys than bytes");
  }
  if (const auto outcome = decode_txn(message)) {
    require(outcome->found.size() <= message.size(),
            "a transaction finds no more keys than bytes");
  }
  if (const auto changes = decode_watch(message)) {
    require(changes->events.size() <= message.size(),
            "a watch tells no more events than bytes");
  }
  static_cast<void>(decode_lease(message));
  static_cast<void>(decode_authenticate(message));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const std::string_view body = text_of({bytes, size});
  const auto messages = messages_in(body, body.size() + 1);
  require(messages == messages_in(body, 3),
          "messages do not depend on the pieces that they come in");
  for (const std::string& each : messages) {
    read_as_everything(each);
  }
  static_cast<void>(grpc_message_text(body));
  static_cast<void>(grpc_status_code(body));
  return 0;
}
