#include "dynamo/wire/engine_codec.hpp"

#include "fuzz/target.hpp"

using namespace dynamo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const byte_view payload{bytes, size};
  const result<engine_batch> batch = decode_engine_batch(payload);
  if (batch) {
    require(batch->events.size() + batch->skipped <= size,
            "no more events than bytes");
    require(batch->skip_reasons.size() <= batch->skipped &&
                batch->skip_reasons.size() <= engine_skip_reasons_max,
            "reasons are kept within their limit");
  } else {
    require(!batch.error().message.empty(), "an error has a message");
  }
  return 0;
}
