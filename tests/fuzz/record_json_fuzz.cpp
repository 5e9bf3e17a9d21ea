#include "dynamo/base/bytes.hpp"
#include "dynamo/discovery/record.hpp"

#include "fuzz/target.hpp"

using namespace dynamo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const std::string_view text = text_of({bytes, size});
  if (const result<record> value = record_from_json(text)) {
    static_cast<void>(key_of(*value));
    const std::string written = to_json(*value);
    const result<record> back = record_from_json(written);
    require(static_cast<bool>(back), "what was written is read");
    require(*back == *value, "what was written is read as the same");
  }
  if (const auto metadata = kv_source_metadata_from_json(text)) {
    require(static_cast<bool>(kv_source_metadata_from_json(to_json(*metadata))),
            "metadata that was written is read");
  }
  for (const bucket where : buckets) {
    static_cast<void>(is_key(where, text));
  }
  return 0;
}
