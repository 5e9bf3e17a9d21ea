#include "dynamo/wire/mm_object_codec.hpp"

#include "dynamo/wire/struct_reader.hpp"

//   BlockExtraInfo  {"mm_objects": [{"mm_hash": u64,
//                                    "offsets": [[start, end]]}]}

namespace dynamo {

namespace {

void read_offsets(msgpack_reader& in, mm_object& object) {
  read_list(in, object.offsets, [&](auto& range) {
    const std::size_t start = in.offset();
    if (in.read_array_header() != 2) {
      in.fail(errc::malformed, start, "a token range must have two ends");
    }
    range.first = in.read_u64();
    range.second = in.read_u64();
  });
}

} // namespace

void write_mm_objects(msgpack_writer& out,
                      const std::vector<mm_object>& objects) {
  out.write_map_header(1);
  out.write_str("mm_objects");
  out.write_array_header(objects.size());
  for (const mm_object& object : objects) {
    out.write_map_header(2);
    out.write_str("mm_hash");
    out.write_uint(object.mm_hash);
    out.write_str("offsets");
    out.write_array_header(object.offsets.size());
    for (const auto& [start, end] : object.offsets) {
      out.write_array_header(2);
      out.write_uint(start);
      out.write_uint(end);
    }
  }
}

void read_mm_objects(msgpack_reader& in, std::vector<mm_object>& out) {
  const auto read_object = [&](mm_object& object) {
    read_struct(
        in, required_key<"mm_hash">([&] { object.mm_hash = in.read_u64(); }),
        required_key<"offsets">([&] { read_offsets(in, object); }));
  };
  read_struct(
      in, required_key<"mm_objects">([&] { read_list(in, out, read_object); }));
}

} // namespace dynamo
