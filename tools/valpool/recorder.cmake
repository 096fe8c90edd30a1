# Recordings: their chunks are compressed by libzstd or liblz4. Without these the command has no record, play
# and rec.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(zstd QUIET IMPORTED_TARGET libzstd)
  pkg_check_modules(lz4 QUIET IMPORTED_TARGET liblz4)
endif()
if(NOT TARGET PkgConfig::zstd OR NOT TARGET PkgConfig::lz4)
  message(STATUS "valpool record, play and rec are left out: they need libzstd and liblz4 (Debian: libzstd-dev liblz4-dev)")
  return()
endif()

# MCAP files, without anything of valpool in it.
add_library(valpool_mcap STATIC
  mcap/compression.cpp
  mcap/crc32.cpp
  mcap/format.cpp
  mcap/output_file.cpp
  mcap/reader.cpp
  mcap/summary.cpp
  mcap/writer.cpp)
set_target_properties(valpool_mcap PROPERTIES CXX_EXTENSIONS OFF)
target_compile_features(valpool_mcap PUBLIC cxx_std_20)
target_include_directories(valpool_mcap INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(valpool_mcap PUBLIC PkgConfig::zstd PkgConfig::lz4)
valpool_set_warnings(valpool_mcap)

target_sources(valpool_tool PRIVATE
  play.cpp
  rec.cpp
  rec_cat.cpp
  rec_copy.cpp
  rec_info.cpp
  record.cpp
  recording/form.cpp
  recording/messages.cpp
  recording/player.cpp
  recording/recorder.cpp)
target_link_libraries(valpool_tool PRIVATE valpool_mcap)
target_compile_definitions(valpool_tool PRIVATE VALPOOL_HAS_RECORDER)
