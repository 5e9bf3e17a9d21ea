#include "dynamo/transport/zmtp.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

namespace dynamo {

namespace {

using kind = zmtp_request::kind;

byte_buffer hex(std::string_view text) {
  return *from_hex(text);
}

/// What libzmq 4.3 sends as a SUB that subscribes to "kv": greeting of version
/// 3.1, READY, and the subscription as a message.
const std::string greeting =
    "ff00000000000000017f 0301 4e554c4c00000000000000000000000000000000 00" +
    std::string(62, '0');
const std::string ready = "0419 055245414459 0b536f636b65742d54797065"
                          "00000003535542";

struct reading {
  std::vector<zmtp_request> requests;
  status end;
};

reading read(byte_view bytes, std::size_t piece = 4096) {
  zmtp_reader reader{64};
  reading all;
  for (std::size_t at = 0; at < bytes.size() && all.end; at += piece) {
    all.end = reader.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)),
                          [&all](zmtp_request request) {
                            all.requests.push_back(std::move(request));
                          });
  }
  return all;
}

reading read_after_ready(const std::string& text) {
  return read(hex(greeting + ready + text));
}

errc failure_of(const std::string& text) {
  const reading all = read(hex(text));
  REQUIRE_FALSE(all.end);
  return all.end.error().code;
}

} // namespace

TEST_CASE("a publisher opens with a greeting and READY") {
  CHECK(to_hex(zmtp_opening()) ==
        "ff00000000000000007f03004e554c4c00000000000000000000000000000000" +
            std::string(64, '0') +
            "041a0552454144590b536f636b65742d547970650000000458505542");
}

TEST_CASE("a part has a long length from 256 bytes on") {
  byte_buffer bytes;
  append_zmtp_part(bytes, bytes_of("kv"), zmtp_part::more);
  append_zmtp_part(bytes, {}, zmtp_part::last);
  CHECK(to_hex(bytes) == "01026b760000");
  for (const std::size_t size : {255, 256}) {
    byte_buffer one;
    append_zmtp_part(one, byte_buffer(size, 0), zmtp_part::last);
    CHECK(one.size() == size + (size < 256 ? 2 : 9));
    CHECK(one[0] == (size < 256 ? 0 : 2));
  }
}

TEST_CASE("a subscriber's requests are read from pieces of any size") {
  const byte_buffer bytes =
      hex(greeting + ready + "0003016b76" + "0003006b76" +
          "040c 09535542534352494245 6b76" + "0409 0643414e43454c 6b76" +
          "0409 0450494e47 0010 6162");
  for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
    CAPTURE(piece);
    const reading all = read(bytes, piece);
    REQUIRE(all.end);
    REQUIRE(all.requests.size() == 6);
    const kind expected[] = {kind::ready,     kind::subscribe, kind::cancel,
                             kind::subscribe, kind::cancel,    kind::ping};
    for (std::size_t at = 0; at < 6; ++at) {
      CHECK(all.requests[at].what == expected[at]);
    }
    CHECK(all.requests[1].text == "kv");
    CHECK(all.requests[3].text == "kv");
    CHECK(all.requests[5].text == "ab");
  }
}

TEST_CASE("a subscriber's stream that ends early is no error and no request") {
  const byte_buffer bytes = hex(greeting + ready + "0003016b76");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    const reading all = read({bytes.data(), size});
    CHECK(all.end);
    CHECK(all.requests.size() == (size < 91 ? 0 : 1));
  }
}

TEST_CASE("a greeting that is none is refused at its first byte") {
  CHECK(failure_of("47") == errc::malformed);
  CHECK(failure_of("ff00000000000000017f01") == errc::unsupported);
  CHECK(failure_of("ff00000000000000017f0301504c41494e" +
                   std::string(94, '0')) == errc::unsupported);
}

TEST_CASE("whoever is no subscriber is refused") {
  CHECK(failure_of(greeting + "0419 055245414459 0b536f636b65742d54797065"
                              "00000003505542") == errc::unsupported);
  CHECK(failure_of(greeting + "0406055245414459") == errc::unsupported);
  CHECK(failure_of(greeting + "0003016b76") == errc::malformed);
  CHECK(failure_of(greeting + "0406054552524f52") == errc::malformed);
}

TEST_CASE("lengths of a subscriber's frames are not believed") {
  const std::string open = greeting + ready;
  CHECK(failure_of(open + "0041") == errc::too_large);
  CHECK(failure_of(open + "02ffffffffffffffff") == errc::too_large);
  CHECK(failure_of(open + "0402ff41") == errc::malformed);
  CHECK(failure_of(open + "0400") == errc::malformed);
  CHECK(failure_of(open + "0800") == errc::malformed);
  CHECK(failure_of(open + "0405 0450494e47") == errc::malformed);
  // A property whose length lies leaves READY without Socket-Type.
  CHECK(failure_of(greeting + "0419 055245414459 0b536f636b65742d54797065"
                              "ffffffff535542") == errc::unsupported);
}

TEST_CASE("what else a subscriber sends is passed over") {
  // No prefix, another first byte, parts that follow, an unknown command.
  const reading all = read_after_ready("0000 000107 0103016b76 0003016b77"
                                       "0404 03584142 0002016c");
  REQUIRE(all.end);
  REQUIRE(all.requests.size() == 3);
  CHECK(all.requests[1].text == "kv");
  CHECK(all.requests[2].text == "l");
}

TEST_CASE("a pong repeats what the ping said") {
  byte_buffer bytes;
  append_zmtp_pong(bytes, "ab");
  CHECK(to_hex(bytes) == "040704504f4e476162");
}

} // namespace dynamo
