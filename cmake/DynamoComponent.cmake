# dynamo_add_component(<name>
#   [THREADS]                  its tests are for ThreadSanitizer, too
#   [SEPARATE]                 of dynamo_add_test
#   [DEPENDS <component>...]   components below it
#   [LIBRARIES <target>...]    third-party libraries
#   SOURCES <file>...          headers among them are for this layer alone
#   HEADERS <file>...          for everybody, installed
#   [TESTS <file>...])         in tests/unit/<name>, one CTest entry
#
# Makes the static library layer_<name> and, with tests on, <name>_test. The
# layer check (cmake/check_layers.py) sees to it that includes follow DEPENDS.
set_property(GLOBAL PROPERTY DYNAMO_COMPONENTS "")
set_property(GLOBAL PROPERTY DYNAMO_PUBLIC_HEADERS "")

# dynamo_add_public_headers(<directory> <file>...)
#
# Notes headers as users include them, "<directory>/<file>". Each is installed
# and has to compile alone.
function(dynamo_add_public_headers directory)
  list(TRANSFORM ARGN PREPEND "${directory}/")
  set_property(GLOBAL APPEND PROPERTY DYNAMO_PUBLIC_HEADERS ${ARGN})
endfunction()

function(dynamo_add_component name)
  cmake_parse_arguments(arg "THREADS;SEPARATE" ""
    "DEPENDS;LIBRARIES;SOURCES;HEADERS;TESTS" ${ARGN})
  set(target layer_${name})
  list(TRANSFORM arg_DEPENDS PREPEND layer_)

  add_library(${target} STATIC ${arg_SOURCES} ${arg_HEADERS})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/libdynamo_events>)
  target_link_libraries(${target}
    PUBLIC ${arg_DEPENDS} ${arg_LIBRARIES}
    PRIVATE $<BUILD_INTERFACE:dynamo_compiler>)
  set_property(GLOBAL APPEND PROPERTY DYNAMO_COMPONENTS ${name})
  dynamo_add_public_headers(dynamo/${name} ${arg_HEADERS})

  if(DYNAMO_BUILD_TESTS AND arg_TESTS)
    list(TRANSFORM arg_TESTS PREPEND "${PROJECT_SOURCE_DIR}/tests/unit/${name}/")
    set(labels "")
    if(arg_THREADS)
      set(labels threads)
    endif()
    set(separate "")
    if(arg_SEPARATE)
      set(separate SEPARATE)
    endif()
    dynamo_add_test(${name}_test ${separate} SOURCES ${arg_TESTS}
      LIBRARIES ${target} LABELS ${labels})
  endif()
endfunction()

# dynamo_add_test(<name> SOURCES <file>... [LIBRARIES <target>...]
#   [TIMEOUT <seconds>] [LABELS <label>...] [PRECOMPILED <header>] [SEPARATE])
#
# A Catch2 program and its CTest entry. Test data is found through
# DYNAMO_TEST_DATA. PRECOMPILED is for a header that most of its sources
# include; without one it shares what all tests include. The labels "threads" and
# "integration" make it one of the target thread_tests, which ThreadSanitizer is
# for. SEPARATE is for sources that name their helpers alike, so that they are
# never compiled as one (CMAKE_UNITY_BUILD).
function(dynamo_add_test name)
  cmake_parse_arguments(arg "SEPARATE" "TIMEOUT;PRECOMPILED"
    "SOURCES;LIBRARIES;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(DYNAMO_SANITIZE)
    math(EXPR arg_TIMEOUT "3 * ${arg_TIMEOUT}")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} dynamo_test_main
    dynamo_compiler)
  # Half the time to compile; what is tested stays as optimised as it is.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  target_compile_definitions(${name} PRIVATE
    DYNAMO_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  # More of them would have helpers of the same name.
  set_target_properties(${name} PROPERTIES UNITY_BUILD_BATCH_SIZE 8)
  if(arg_SEPARATE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  endif()
  if(arg_PRECOMPILED)
    target_precompile_headers(${name} PRIVATE ${arg_PRECOMPILED})
  else()
    target_precompile_headers(${name} REUSE_FROM dynamo_test_catch)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT}
    LABELS "${arg_LABELS}")
  if("integration" IN_LIST arg_LABELS)
    # They wait more than they work, so they begin first.
    set_tests_properties(${name} PROPERTIES COST 100)
  endif()
  add_dependencies(all_tests ${name})
  if("threads" IN_LIST arg_LABELS OR "integration" IN_LIST arg_LABELS)
    add_dependencies(thread_tests ${name})
  endif()
endfunction()
