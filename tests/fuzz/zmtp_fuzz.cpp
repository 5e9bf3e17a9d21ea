#include "dynamo/transport/zmtp.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/target.hpp"

using namespace dynamo;

namespace {

struct reading {
  std::vector<std::string> requests;
  bool is_refused = false;

  bool operator==(const reading&) const = default;
};

reading read(byte_view bytes, std::size_t piece) {
  zmtp_reader reader{64};
  reading all;
  while (!bytes.empty() && !all.is_refused) {
    const byte_view next = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(next.size());
    all.is_refused = !reader.feed(next, [&all](const zmtp_request& request) {
      all.requests.push_back(std::to_string(static_cast<int>(request.what)) +
                             request.text);
    });
  }
  return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const reading whole = read({data, size}, size);
  require(whole == read({data, size}, 1), "pieces do not matter");
  require(whole.requests.empty() || whole.requests.front() == "0",
          "a subscriber is ready before it asks");
  return 0;
}
