# Writes a document into a source file, as an array: compilers need not take
# string literals beyond 64 KiB.
#
#   cmake -D document=openapi.json -D template=openapi.cpp.in -D source=out.cpp
#     -P openapi.cmake
file(READ "${document}" bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
configure_file("${template}" "${source}" @ONLY)
