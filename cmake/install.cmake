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

# The .pc file finds the others from where it lies: the tree can be installed with another prefix
# (cmake --install --prefix), or moved.
set(valpool_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(valpool_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
set(valpool_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
cmake_path(ABSOLUTE_PATH valpool_pc_dir BASE_DIRECTORY /prefix OUTPUT_VARIABLE valpool_pc_place)
set(valpool_pc_from /prefix)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(valpool_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
  set(valpool_pc_from "${CMAKE_INSTALL_PREFIX}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(valpool_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
file(RELATIVE_PATH valpool_pc_to_prefix "${valpool_pc_place}" "${valpool_pc_from}")
string(REGEX REPLACE "/$" "" valpool_pc_to_prefix "${valpool_pc_to_prefix}")

# Boost, where the compiler would not look by itself.
set(valpool_pc_libs_private -lboost_json)
if(Boost_LIBRARY_DIRS AND NOT Boost_LIBRARY_DIRS IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
  set(valpool_pc_libs_private "-L${Boost_LIBRARY_DIRS} ${valpool_pc_libs_private}")
endif()
if(NOT Boost_INCLUDE_DIRS IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
  set(valpool_pc_cflags " -I${Boost_INCLUDE_DIRS}")
endif()
# Where there is no shared library, nobody asks for --static.
get_target_property(valpool_type valpool TYPE)
if(valpool_type STREQUAL STATIC_LIBRARY)
  set(valpool_pc_libs " ${valpool_pc_libs_private}")
endif()

configure_file("${CMAKE_CURRENT_LIST_DIR}/valpool.pc.in" "${PROJECT_BINARY_DIR}/valpool.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/valpool.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
