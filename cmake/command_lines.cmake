# The samples, the benchmarks and the command valpool read their command lines with CLI11; the library needs
# it nowhere.
find_package(CLI11 2.1 QUIET)
if(NOT CLI11_FOUND)
  message(FATAL_ERROR
    "valpool's command, samples and benchmarks need CLI11, which was not found (Debian: libcli11-dev). "
    "Install it, or build the library alone: -DVALPOOL_BUILD_TOOLS=OFF -DVALPOOL_BUILD_SAMPLES=OFF "
    "-DVALPOOL_BUILD_BENCH=OFF -DVALPOOL_BUILD_TESTS=OFF (the tests run the others).")
endif()

add_library(valpool_command_line INTERFACE)
target_include_directories(valpool_command_line INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/samples")
target_link_libraries(valpool_command_line INTERFACE CLI11::CLI11)
# Its headers, once they are inlined, are no system headers any more to g++.
target_compile_options(valpool_command_line INTERFACE -Wno-null-dereference)
