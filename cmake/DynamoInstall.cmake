# What `cmake --install` puts where:
#   bin/                          the programs
#   lib/                          libdynamo_events.a, libdynamo_actors.a
#   include/dynamo_events/        dynamo/<layer>/*.hpp, actors/*.hpp
#   lib/cmake/dynamo_events/      find_package(dynamo_events)
#   lib/pkgconfig/                pkg-config dynamo_events
#   share/dynamo_events/configs/  one file per way to run
include(CMakePackageConfigHelpers)

set(include_directory "${CMAKE_INSTALL_INCLUDEDIR}/dynamo_events")
set(package_directory "${CMAKE_INSTALL_LIBDIR}/cmake/dynamo_events")
set(configs_directory "${CMAKE_INSTALL_DATADIR}/dynamo_events/configs")

# -- libraries -----------------------------------------------------------------
install(TARGETS dynamo_events EXPORT dynamo_events_targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  INCLUDES DESTINATION "${include_directory}")
install(EXPORT dynamo_events_targets
  FILE dynamo_events-targets.cmake
  NAMESPACE dynamo_events::
  DESTINATION "${package_directory}")

if(TARGET dynamo_actors)
  # In a file of its own, so that the library can be used without CAF.
  set_target_properties(dynamo_actors PROPERTIES EXPORT_NAME actors)
  install(TARGETS dynamo_actors EXPORT dynamo_actors_targets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES DESTINATION "${include_directory}")
  install(EXPORT dynamo_actors_targets
    FILE dynamo_events-actors-targets.cmake
    NAMESPACE dynamo_events::
    DESTINATION "${package_directory}")
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/FindCAF.cmake"
    DESTINATION "${package_directory}")
endif()

# -- headers -------------------------------------------------------------------
get_property(headers GLOBAL PROPERTY DYNAMO_PUBLIC_HEADERS)
foreach(header IN LISTS headers)
  get_filename_component(directory "${header}" DIRECTORY)
  if(header MATCHES "^dynamo/")
    set(header "libdynamo_events/${header}")
  endif()
  install(FILES "${PROJECT_SOURCE_DIR}/${header}"
    DESTINATION "${include_directory}/${directory}")
endforeach()

# -- packages ------------------------------------------------------------------
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/dynamo_events-config.cmake.in"
  "${PROJECT_BINARY_DIR}/dynamo_events-config.cmake"
  INSTALL_DESTINATION "${package_directory}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/dynamo_events-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/dynamo_events-config.cmake"
  "${PROJECT_BINARY_DIR}/dynamo_events-config-version.cmake"
  DESTINATION "${package_directory}")

# The prefix is told relative to the file, so that a tree can be moved.
file(RELATIVE_PATH prefix_from_pkgconfig
  "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig "${prefix_from_pkgconfig}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/dynamo_events.pc.in"
  "${PROJECT_BINARY_DIR}/dynamo_events.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/dynamo_events.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# -- programs ------------------------------------------------------------------
# Also the contents of the Debian package: see DynamoPackage.
foreach(program dynamo-worker dynamo-router dynamo-broker dynamo-loadgen
  dynamo-events)
  if(TARGET ${program})
    install(TARGETS ${program}
      DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT programs)
  endif()
endforeach()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/configs/"
  DESTINATION "${configs_directory}" COMPONENT programs)
