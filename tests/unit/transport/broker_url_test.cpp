#include "dynamo/transport/broker_url.hpp"

#include "support/catch.hpp"

namespace dynamo {

TEST_CASE("a broker URL has a list of each side, in any order") {
  const auto two =
      parse_broker_url(" xsub=tcp://a:5555;tcp://b:5555 , xpub = tcp://a:5556");
  CHECK_FALSE(two);
  const broker_endpoints wanted{{"tcp://a:5555", "tcp://b:5555"},
                                {"tcp://a:5556", "tcp://b:5556"}};
  for (const char* text :
       {"xsub=tcp://a:5555;tcp://b:5555,xpub=tcp://a:5556;tcp://b:5556",
        "xpub=tcp://a:5556;tcp://b:5556,xsub=tcp://a:5555;tcp://b:5555",
        "\txsub= tcp://a:5555 ;; tcp://b:5555;, xpub=tcp://a:5556 ; "
        "tcp://b:5556 \n"}) {
    CAPTURE(text);
    const auto read = parse_broker_url(text);
    REQUIRE(read);
    CHECK(*read == wanted);
  }
}

TEST_CASE("a broker URL that is none is refused with what is wrong") {
  struct row {
    const char* text;
    const char* said;
  };
  for (const row& each :
       {row{"", "got \"\""},
        {"xsub=tcp://a:1", "got \"xsub=tcp://a:1\""},
        {"xsub=a,xpub=b,xpub=c", "got \"xsub=a,xpub=b,xpub=c\""},
        {"xsub=a,XPUB=b", "got \"XPUB=b\""},
        {"xsub=a,sub=b", "got \"sub=b\""},
        {"xsub=,xpub=b", "no endpoint of an XSUB"},
        {"xsub=a,xpub= ; ", "no endpoint of an XPUB"},
        {"xsub=a,xsub=b", "no endpoint of an XPUB"}}) {
    CAPTURE(each.text);
    const auto read = parse_broker_url(each.text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::invalid);
    CHECK_THAT(read.error().message, Catch::Matchers::Contains(each.said));
  }
}

} // namespace dynamo
