# Third-party packages. Everything is in Debian 12 (scripts/setup.sh).

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3)
# By pkg-config: Debian's CMake package of cnats names files it does not ship.
pkg_check_modules(NATS REQUIRED IMPORTED_TARGET libnats>=3.4)
# Comes with libzmq; derives the public key of a NATS user, and reads base64.
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.77)
# For kubeconfig files.
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-cpp>=0.7)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash>=0.8)
find_path(CPPZMQ_INCLUDE_DIR zmq.hpp REQUIRED)

if(DYNAMO_BUILD_ACTORS)
  find_package(CAF REQUIRED)
endif()
if(DYNAMO_BUILD_APPS)
  find_package(spdlog REQUIRED)
  find_package(CLI11 REQUIRED)
  pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
  # By pkg-config: the CMake package wants a web server, too.
  pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
endif()

if(DYNAMO_BUILD_TESTS)
  # What the sanitizers are given: no program, but every test of the code, and
  # of those the ones that have threads.
  add_custom_target(all_tests)
  add_custom_target(thread_tests)
  find_package(Catch2 REQUIRED)
  # One compiled main for all test programs; Catch2 2 and 3 differ in it.
  add_library(dynamo_test_main STATIC "${PROJECT_SOURCE_DIR}/tests/main.cpp")
  target_include_directories(dynamo_test_main PUBLIC
    "${PROJECT_SOURCE_DIR}/tests")
  target_compile_options(dynamo_test_main PRIVATE $<$<CONFIG:Release>:-O0>)
  if(TARGET Catch2::Catch2WithMain AND Catch2_VERSION VERSION_GREATER_EQUAL 3)
    target_link_libraries(dynamo_test_main PUBLIC Catch2::Catch2WithMain)
  else()
    target_link_libraries(dynamo_test_main PUBLIC Catch2::Catch2)
  endif()

  # Catch2 and JSON, precompiled as the tests are compiled (dynamo_add_test).
  add_executable(dynamo_test_catch EXCLUDE_FROM_ALL
    "${PROJECT_SOURCE_DIR}/tests/support/precompiled.cpp")
  target_link_libraries(dynamo_test_catch PRIVATE dynamo_test_main
    nlohmann_json::nlohmann_json dynamo_compiler)
  target_compile_options(dynamo_test_catch PRIVATE
    $<$<CONFIG:Release>:-O0>)
  target_compile_definitions(dynamo_test_catch PRIVATE
    DYNAMO_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  target_precompile_headers(dynamo_test_catch PRIVATE
    "${PROJECT_SOURCE_DIR}/tests/support/catch.hpp"
    <nlohmann/json.hpp>)
endif()
