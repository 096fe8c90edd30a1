# What valpool runs on, and the flag that a 16-byte compare-and-swap needs there. The compiler is asked,
# for it knows what it compiles for; CMAKE_SYSTEM_PROCESSOR can be empty or wrong.
include(CheckCXXSourceCompiles)

function(valpool_check_platform)
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  set(CMAKE_REQUIRED_QUIET ON)
  check_cxx_source_compiles("
#if !defined(__linux__) || !defined(__x86_64__) || defined(__ILP32__)
#error another platform
#endif
int valpool;" VALPOOL_PLATFORM_IS_SUPPORTED)
  if(NOT VALPOOL_PLATFORM_IS_SUPPORTED)
    message(FATAL_ERROR "valpool needs Linux on x86-64, with 64-bit pointers; ${CMAKE_CXX_COMPILER} "
      "with the flags '${CMAKE_CXX_FLAGS}' compiles for something else")
  endif()

  # A queue's cell is changed by one 16-byte compare-and-swap.
  set(CMAKE_REQUIRED_FLAGS "${CMAKE_REQUIRED_FLAGS} -mcx16")
  check_cxx_source_compiles("
#ifndef __GCC_HAVE_SYNC_COMPARE_AND_SWAP_16
#error none
#endif
int valpool;" VALPOOL_MAKES_CMPXCHG16B)
  if(NOT VALPOOL_MAKES_CMPXCHG16B)
    message(FATAL_ERROR "valpool needs the instruction cmpxchg16b, and ${CMAKE_CXX_COMPILER} with -mcx16 "
      "does not make it")
  endif()
endfunction()
valpool_check_platform()
