#pragma once

// The msgpack of the wire: a writer of the smallest encodings, and a bounded
// reader that borrows. Both are straight-line code on purpose: this is what
// every event goes through twice.
//
//   00..7f      integer 0..127        e0..ff      integer -32..-1
//   cc/cd/ce/cf u8/u16/u32/u64        d0/d1/d2/d3 i8/i16/i32/i64
//   c0 nil      c2 false   c3 true    ca f32      cb f64
//   a0|n  d9/da/db + len8/16/32       string of UTF-8
//   c4/c5/c6 + len8/16/32             binary
//   90|n  dc/dd + count16/32          array
//   80|n  de/df + count16/32          map
//   d4..d8  c7/c8/c9 + len8/16/32     extension; c1 is reserved
//
// Numbers and lengths are big-endian.

#include "dynamo/wire/msgpack_reader.hpp"
#include "dynamo/wire/msgpack_writer.hpp"
