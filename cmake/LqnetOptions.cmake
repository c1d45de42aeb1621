# Build options and compiler settings that hold for every target.

option(LQNET_BUILD_TESTS "Build the tests" ON)
option(LQNET_WERROR "Treat warnings as errors" OFF)
set(LQNET_SANITIZE "" CACHE STRING "Sanitizers to build with: address, undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(LQNET_CCACHE ccache)
if(LQNET_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LQNET_CCACHE})
endif()

# Warnings for C++; those for CUDA are in LqnetCuda.cmake.
set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
             # Option structs are filled by name; what is left out keeps its default.
             -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # SIMD vectors are passed between inlined functions only.
  list(APPEND warnings -Wno-psabi)
  if(LQNET_SANITIZE)
    # With sanitizers GCC takes more than what is so for uninitialised: <regex> of its own library.
    list(APPEND warnings -Wno-maybe-uninitialized)
  endif()
endif()
if(LQNET_WERROR)
  list(APPEND warnings -Werror)
endif()
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${warnings}>")
if(LQNET_SANITIZE)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${LQNET_SANITIZE};\
-fno-omit-frame-pointer;-fno-sanitize-recover=all>")
  add_link_options(-fsanitize=${LQNET_SANITIZE})
endif()
