# Install tree: library, headers, CMake package, pkg-config file.
include(CMakePackageConfigHelpers)

install(TARGETS valpool EXPORT valpool-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/valpool" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT valpool-targets NAMESPACE valpool::
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/valpool)

configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/valpool-config.cmake.in" "${PROJECT_BINARY_DIR}/valpool-config.cmake"
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/valpool)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/valpool-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/valpool-config.cmake"
              "${PROJECT_BINARY_DIR}/valpool-config-version.cmake"
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/valpool)

configure_file("${CMAKE_CURRENT_LIST_DIR}/valpool.pc.in" "${PROJECT_BINARY_DIR}/valpool.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/valpool.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
