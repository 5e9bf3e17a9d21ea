# `cpack --config build/release/CPackConfig.cmake` writes a package for Debian:
# programs, configurations and units of systemd. What the programs need at run
# time is found by dpkg-shlibdeps.
if(NOT TARGET dynamo-worker)
  return()
endif()

set(documents_directory "${CMAKE_INSTALL_DATADIR}/doc/dynamo-events")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE"
  DESTINATION "${documents_directory}" COMPONENT package RENAME copyright)
install(FILES "${PROJECT_SOURCE_DIR}/NOTICE" "${PROJECT_SOURCE_DIR}/README.md"
  "${PROJECT_SOURCE_DIR}/CHANGELOG.md"
  DESTINATION "${documents_directory}" COMPONENT package)
# Not CMAKE_INSTALL_LIBDIR, in which systemd does not look.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/deploy/systemd/"
  DESTINATION lib/systemd/system COMPONENT package
  FILES_MATCHING PATTERN "*.service")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME dynamo-events)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_CONTACT "The authors of dynamo-events")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL programs package)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
include(CPack)
