#include "dynamo/discovery/worker_record.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

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

TEST_CASE("the capacity of a worker stands in its model card") {
  CHECK(capacity_of(card_of(R"({"kv_cache_block_size":16,"runtime_config":
      {"total_kv_blocks":1000,"max_num_batched_tokens":8192}})")) ==
        worker_capacity{1000, 8192, 16});
  CHECK(capacity_of(card_of(R"({"runtime_config":{"total_kv_blocks":
      18446744073709551615}})")) ==
        worker_capacity{18446744073709551615U, std::nullopt, std::nullopt});
}

TEST_CASE("the capacity that a Dynamo worker published is read") {
  std::ifstream file{std::string{DYNAMO_TEST_DATA} + "/vectors/captured.json"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const std::string key = "runtime_config\\\":";
  const std::size_t from = text.find(key);
  REQUIRE(from != std::string::npos);
  std::string config = text.substr(from + key.size());
  config.resize(config.find('}') + 1);
  std::erase(config, '\\');
  const auto capacity =
      capacity_of(card_of("{\"runtime_config\":" + config + "}"));
  CHECK(capacity.total_kv_blocks == 1000);
  CHECK(capacity.max_num_batched_tokens == 8192);
}

TEST_CASE("capacity that makes no sense is not known") {
  for (const char* card :
       {"", "{", "7", "[]", "{}", R"({"runtime_config":7})",
        R"({"runtime_config":{"total_kv_blocks":0}})",
        R"({"runtime_config":{"total_kv_blocks":null}})",
        R"({"runtime_config":{"total_kv_blocks":-5}})",
        R"({"runtime_config":{"max_num_batched_tokens":"8192"}})",
        R"({"runtime_config":{"max_num_batched_tokens":1.5}})",
        R"({"kv_cache_block_size":0})", R"({"kv_cache_block_size":"16"})"}) {
    CAPTURE(card);
    CHECK(capacity_of(card_of(card)) == worker_capacity{});
  }
}

TEST_CASE("the taints of a worker stand in its model card") {
  CHECK(taints_of(card_of(
            R"({"runtime_config":{"taints":["gold","","spot","gold",7,null,
                ["x"]]}})")) == std::vector<std::string>{"gold", "spot"});
  for (const char* card :
       {"", "[]", "{}", R"({"taints":["gold"]})", R"({"runtime_config":[]})",
        R"({"runtime_config":{"taints":"gold"}})",
        R"({"runtime_config":{"taints":{"gold":1}}})"}) {
    CAPTURE(card);
    CHECK(taints_of(card_of(card)).empty());
  }
}

TEST_CASE("taints are bounded in number and length") {
  std::string list;
  for (std::size_t i = 0; i < 2 * taints_max; ++i) {
    list += (i == 0 ? "\"" : ",\"") + std::to_string(i) + '"';
  }
  const auto card_with = [](const std::string& taints) {
    return card_of("{\"runtime_config\":{\"taints\":[" + taints + "]}}");
  };
  CHECK(taints_of(card_with(list)).size() == taints_max);
  const std::string longest(taint_bytes_max, 'x');
  CHECK(taints_of(card_with('"' + longest + "\",\"" + longest + "y\"")) ==
        std::vector{longest});
}
