# Installs a build tree into a temporary prefix and uses it from outside, once
# through find_package and once through pkg-config.
#
# -D build= generator= compiler= flags= actors=   of the build tree
cmake_minimum_required(VERSION 3.22)

set(project "${CMAKE_CURRENT_LIST_DIR}/project")
set(work "${build}/tests/install")
set(prefix "${work}/prefix")
file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status TIMEOUT 120
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install "${build}" --prefix "${prefix}")

# A prefix that was moved must still work.
file(RENAME "${prefix}" "${work}/moved")
set(prefix "${work}/moved")

# -- find_package --------------------------------------------------------------
run(${CMAKE_COMMAND} -S "${project}" -B "${work}/build" -G "${generator}"
  -D "CMAKE_PREFIX_PATH=${prefix}" -D "CMAKE_CXX_COMPILER=${compiler}"
  -D "CMAKE_CXX_FLAGS=${flags}" -D "USE_ACTORS=${actors}")
run(${CMAKE_COMMAND} --build "${work}/build")
run("${work}/build/frames")
if(actors)
  run("${work}/build/plane")
endif()

# -- pkg-config ----------------------------------------------------------------
file(GLOB_RECURSE pc "${prefix}/*/dynamo_events.pc")
get_filename_component(pc_directory "${pc}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} "${pc_directory}:$ENV{PKG_CONFIG_PATH}")
execute_process(COMMAND pkg-config --cflags --libs dynamo_events
  OUTPUT_VARIABLE pc_flags OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(pc_flags UNIX_COMMAND "${pc_flags}")
separate_arguments(flags UNIX_COMMAND "${flags}")
run("${compiler}" -std=c++20 ${flags} "${project}/frames.cpp"
  -o "${work}/frames" ${pc_flags})
run("${work}/frames")
