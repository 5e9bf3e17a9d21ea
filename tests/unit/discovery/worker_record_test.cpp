#include "dynamo/discovery/worker_record.hpp"

#include "support/catch.hpp"

using namespace dynamo;

namespace {

endpoint_instance served_at(std::string transport) {
  return {"dynamo", "backend", "generate", 0x2a, std::move(transport)};
}

model_card card_of(std::string text) {
  return {"dynamo", "backend", "generate", 0x2a, std::move(text)};
}

} // namespace

TEST_CASE("a TCP transport is written in Dynamo's form") {
  CHECK(tcp_transport_json(served_at("{}"), "10.0.0.1:8100") ==
        R"({"tcp":"10.0.0.1:8100/2a/dynamo/backend/generate"})");
}

TEST_CASE("the address of a TCP transport is read back") {
  for (const char* address : {"10.0.0.1:8100", "[::1]:8100", "worker:8100"}) {
    CAPTURE(address);
    const auto served = served_at("{}");
    CHECK(host_and_port_of(served_at(tcp_transport_json(served, address))) ==
          address);
  }
}

TEST_CASE("an address without a path is read too") {
  CHECK(host_and_port_of(served_at(R"({"tcp":"10.0.0.1:8100"})")) ==
        "10.0.0.1:8100");
}

TEST_CASE("a transport that is not TCP has no address") {
  for (const char* transport :
       {"", "{", "{}", "null", "[]", R"("tcp")", R"({"tcp":7})",
        R"({"tcp":{"host":"a"}})", R"({"nats_tcp":"dynamo.backend"})"}) {
    CAPTURE(transport);
    CHECK_FALSE(host_and_port_of(served_at(transport)));
  }
}

TEST_CASE("the ranks of a worker stand in its model card") {
  CHECK(ranks_of(card_of(R"({"runtime_config":
      {"data_parallel_start_rank":4,"data_parallel_size":8}})")) ==
        rank_range{4, 8});
  CHECK(ranks_of(card_of(R"({"runtime_config":{"data_parallel_size":2}})")) ==
        rank_range{0, 2});
  CHECK(ranks_of(
            card_of(R"({"runtime_config":{"data_parallel_start_rank":3}})")) ==
        rank_range{3, 1});
}

TEST_CASE("a card without ranks, or with ranks that make no sense, has rank 0 "
          "alone") {
  for (const char* card :
       {"", "{", "{}", "7", R"({"runtime_config":null})",
        R"({"runtime_config":[]})", R"({"runtime_config":{}})",
        R"({"runtime_config":{"data_parallel_size":0}})",
        R"({"runtime_config":{"data_parallel_size":65536}})",
        R"({"runtime_config":{"data_parallel_start_rank":65536}})",
        R"({"runtime_config":{"data_parallel_size":-1}})",
        R"({"runtime_config":{"data_parallel_size":"two"}})",
        R"({"runtime_config":{"data_parallel_size":1.5}})"}) {
    CAPTURE(card);
    CHECK(ranks_of(card_of(card)) == rank_range{});
  }
}
