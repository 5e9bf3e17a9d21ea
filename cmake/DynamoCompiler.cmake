# How everything of ours is compiled: C++20 without extensions, warnings are
# errors, sanitizers on request.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

add_library(dynamo_compiler INTERFACE)
target_compile_options(dynamo_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Wold-style-cast
  # GCC would also call it shadowing when a variable is named like a type.
  $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # GCC 12 sees overlaps in the inlined operator+ of strings (its bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-restrict>)

# Functions may be inlined although they stand in a library that could be shared:
# nobody replaces them at run time. Clang does so by itself.
target_compile_options(dynamo_compiler INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)

if(CMAKE_UNITY_BUILD)
  # What stands in an unnamed namespace of a source is taken for a header's.
  target_compile_options(dynamo_compiler INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
else()
  # Sources that compile together hide each other's names.
  target_compile_options(dynamo_compiler INTERFACE
    $<$<CXX_COMPILER_ID:Clang>:-Wshadow>)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Debian's CAF 0.17.6 is built with GCC; templates that both instantiate
  # must not replace each other at run time.
  target_compile_options(dynamo_compiler INTERFACE -fvisibility=hidden)
endif()

# Some sixty programs are linked; mold takes a fifth of the time.
find_program(DYNAMO_MOLD mold)
mark_as_advanced(DYNAMO_MOLD)
if(DYNAMO_MOLD AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12.1)
  add_link_options(-fuse-ld=mold)
endif()

if(DYNAMO_SANITIZE)
  add_compile_options(-fsanitize=${DYNAMO_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DYNAMO_SANITIZE})
  # What replaces the allocator, or takes long, is different then.
  add_compile_definitions(DYNAMO_SANITIZED)
endif()

# For what is added from here on: UndefinedBehaviorSanitizer looks no more at
# each pointer before it is used. That is a sixth of the time that Clang takes to
# compile code made of CAF's templates, and two fifths with GCC. AddressSanitizer
# still reports a null pointer where it is read, and the layers, where bytes are
# taken apart, keep the checks.
macro(dynamo_check_pointers_by_fault)
  if(DYNAMO_SANITIZE MATCHES "address" AND DYNAMO_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=null,alignment,vptr)
  endif()
endmacro()
