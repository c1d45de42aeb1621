# The CUDA backend. LQ_CUDA is ON, OFF or AUTO: on where there is a CUDA compiler.

set(LQ_CUDA AUTO CACHE STRING "Build the CUDA backend: ON, OFF or AUTO (where nvcc is)")
set_property(CACHE LQ_CUDA PROPERTY STRINGS AUTO ON OFF)
set(LQNET_CUDA_ARCHITECTURES "75;80;86;89;90a;100;120"
    CACHE STRING "Compute capabilities for which machine code and PTX are built")
option(LQNET_CUDA_MACHINE_CODE "Build machine code, not only the PTX that a driver compiles" ON)

# Libraries beside own kernels. Only their headers are needed to build: programs load them when they
# first use them, and do without where they are missing.
set(LQNET_CUBLAS AUTO CACHE STRING "Linear layers by cuBLAS: ON, OFF or AUTO (where its header is)")
set(LQNET_CUDNN AUTO CACHE STRING "Convolutions by cuDNN: ON, OFF or AUTO (where its header is)")
set_property(CACHE LQNET_CUBLAS LQNET_CUDNN PROPERTY STRINGS AUTO ON OFF)
set(LQNET_HEADER_CUBLAS cublas_v2.h)
set(LQNET_HEADER_CUDNN cudnn_graph.h)
# Device properties came with it.
set(LQNET_OLDEST_CUDNN 9.8)

set(LQNET_WITH_CUDA OFF)
if(NOT LQ_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  # The flags below name the architectures.
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    set(LQNET_WITH_CUDA ON)
  elseif(NOT LQ_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "LQ_CUDA=${LQ_CUDA}: found no CUDA compiler; set CMAKE_CUDA_COMPILER, or "
                        "LQ_CUDA=OFF to build without CUDA")
  endif()
endif()
message(STATUS "CUDA backend: ${LQNET_WITH_CUDA}")

if(LQNET_WITH_CUDA)
  # The emulated device stands in for the shared runtime.
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_SOURCE_DIR}/cmake/record_resources.sh)
  if(LQNET_CCACHE)
    list(APPEND CMAKE_CUDA_COMPILER_LAUNCHER ${LQNET_CCACHE})
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    # CMake 3.25 does not know it.
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  # fmt 9 takes nvcc for a compiler without constexpr, but not everywhere.
  set(LQNET_CUDA_FLAGS -DFMT_USE_CONSTEXPR=1 -lineinfo --expt-relaxed-constexpr "SHELL:-Xptxas -v"
                       "SHELL:-Xcompiler -Wall,-Wextra,-Wno-psabi,-Wno-missing-field-initializers")
  if(LQNET_WERROR)
    list(APPEND LQNET_CUDA_FLAGS "SHELL:-Werror all-warnings")
  endif()
endif()

# lqnet_cuda_code(result architectures...): flags for machine code and PTX.
function(lqnet_cuda_code result)
  set(flags)
  foreach(architecture ${ARGN})
    set(code compute_${architecture})
    set(virtual ${code})
    if(LQNET_CUDA_MACHINE_CODE)
      set(code [${code},sm_${architecture}])
    endif()
    # No kernel distinguishes them from 8.0: their machine code is made of its PTX.
    if(architecture MATCHES "^(86|89)$" AND LQNET_CUDA_MACHINE_CODE)
      set(virtual compute_80)
      set(code sm_${architecture})
    endif()
    list(APPEND flags "SHELL:-gencode arch=${virtual},code=${code}")
  endforeach()
  set(${result} ${flags} PARENT_SCOPE)
endfunction()

# lqnet_cuda_sources(kernels SOURCES ... PUBLIC targets... PRIVATE targets...)
# Adds files to the library of a folder, and tells those who use it that the backend is there. Does
# nothing in a build without CUDA.
function(lqnet_cuda_sources folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(LQNET_WITH_CUDA)
    target_sources(lqnet_${folder} PRIVATE ${ARG_SOURCES})
    target_compile_definitions(lqnet_${folder} PUBLIC LQNET_WITH_CUDA)
    lqnet_cuda_code(code ${LQNET_CUDA_ARCHITECTURES})
    target_compile_options(lqnet_${folder} PRIVATE
                           "$<$<COMPILE_LANGUAGE:CUDA>:${LQNET_CUDA_FLAGS};${code}>")
    target_link_libraries(lqnet_${folder} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  endif()
endfunction()

# The version that a header of cuDNN tells; empty for that of another library.
function(lqnet_cudnn_version result folder)
  set(version)
  if(EXISTS ${folder}/cudnn_version.h)
    file(STRINGS ${folder}/cudnn_version.h lines REGEX "#define CUDNN_(MAJOR|MINOR) ")
    string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
    string(REPLACE ";" "." version "${numbers}")
  endif()
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

# lqnet_cuda_library(CUBLAS kernels WITH sources... WITHOUT sources...)
# Adds the files that use a library, or those that do without it, to the library of a folder, and sets
# the global property LQNET_WITH_CUBLAS to ON or OFF. Does nothing in a build without CUDA.
function(lqnet_cuda_library name folder)
  cmake_parse_arguments(ARG "" "" "WITH;WITHOUT" ${ARGN})
  if(NOT LQNET_WITH_CUDA)
    return()
  endif()
  set(header ${LQNET_HEADER_${name}})
  find_path(LQNET_${name}_INCLUDE_DIR ${header} HINTS ${CUDAToolkit_INCLUDE_DIRS})
  mark_as_advanced(LQNET_${name}_INCLUDE_DIR)
  set(found ${LQNET_${name}_INCLUDE_DIR})
  if(found AND DEFINED LQNET_OLDEST_${name})
    lqnet_cudnn_version(version ${LQNET_${name}_INCLUDE_DIR})
    if(version VERSION_LESS LQNET_OLDEST_${name})
      string(APPEND header " of ${LQNET_OLDEST_${name}} or later (but of '${version}')")
      set(found OFF)
    endif()
  endif()
  if(LQNET_${name} STREQUAL "ON" AND NOT found)
    message(FATAL_ERROR "LQNET_${name}=ON: found no ${header}; set LQNET_${name}_INCLUDE_DIR, or "
                        "LQNET_${name}=OFF to build without")
  endif()
  if(found AND NOT LQNET_${name} STREQUAL "OFF")
    target_sources(lqnet_${folder} PRIVATE ${ARG_WITH})
    set_source_files_properties(${ARG_WITH} PROPERTIES INCLUDE_DIRECTORIES
                                                       ${LQNET_${name}_INCLUDE_DIR})
    set(with ON)
  else()
    target_sources(lqnet_${folder} PRIVATE ${ARG_WITHOUT})
    set(with OFF)
  endif()
  message(STATUS "CUDA backend with ${name}: ${with}")
  set_property(GLOBAL PROPERTY LQNET_WITH_${name} ${with})
endfunction()

# lqnet_cuda_architecture_sources(kernels 90a SOURCES ...)
# Adds files whose kernels are for one architecture alone, and tells the library's other files that they
# are there: LQNET_WITH_SM_90A. Does nothing where it is none of LQNET_CUDA_ARCHITECTURES.
function(lqnet_cuda_architecture_sources folder architecture)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  if(NOT LQNET_WITH_CUDA OR NOT architecture IN_LIST LQNET_CUDA_ARCHITECTURES)
    return()
  endif()
  set(objects lqnet_${folder}_sm_${architecture})
  add_library(${objects} OBJECT ${ARG_SOURCES})
  lqnet_cuda_code(code ${architecture})
  target_compile_options(${objects} PRIVATE ${LQNET_CUDA_FLAGS} ${code})
  target_include_directories(
    ${objects} PRIVATE $<TARGET_PROPERTY:lqnet_${folder},INTERFACE_INCLUDE_DIRECTORIES>)
  target_link_libraries(${objects} PRIVATE lqnet_core)
  string(TOUPPER ${architecture} name)
  foreach(target lqnet_${folder} ${objects})
    target_compile_definitions(${target} PRIVATE LQNET_WITH_SM_${name})
  endforeach()
  target_sources(lqnet_${folder} PRIVATE $<TARGET_OBJECTS:${objects}>)
endfunction()
