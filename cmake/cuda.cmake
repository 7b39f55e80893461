# EPSIM_HAVE_CUDA says which file of a backend is built: cuda/*.cu, or cuda/stub.cpp.
set(EPSIM_HAVE_CUDA OFF)
if(NOT EPSIM_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "EPSIM_CUDA = ${EPSIM_CUDA} (must be AUTO, ON or OFF)")
endif()
if(NOT EPSIM_CUDA STREQUAL OFF)
  # Finds nvcc where its folder is not on PATH, too.
  find_package(CUDAToolkit QUIET)
  if(CUDAToolkit_FOUND AND NOT DEFINED ENV{CUDACXX})
    set(ENV{CUDACXX} ${CUDAToolkit_NVCC_EXECUTABLE})
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  if(CUDAToolkit_FOUND AND CMAKE_CUDA_COMPILER AND NCCL_INCLUDE_DIR)
    if(NOT CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90a-real)
    endif()
    enable_language(CUDA)
    # CMake 3.25 does not know nvcc's option.
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_EXTENSIONS OFF)
    # Headers alone: NCCL, like cuBLAS, is loaded at run time, so that epsim starts without it.
    add_library(epsim_nccl INTERFACE)
    target_include_directories(epsim_nccl SYSTEM INTERFACE ${NCCL_INCLUDE_DIR})
    set(EPSIM_HAVE_CUDA ON)
  elseif(EPSIM_CUDA STREQUAL ON)
    message(FATAL_ERROR "EPSIM_CUDA=ON, but the CUDA toolkit or NCCL's header was not found "
      "(nvcc: ${CMAKE_CUDA_COMPILER}, nccl.h: ${NCCL_INCLUDE_DIR}). "
      "Install them, set CUDACXX and CMAKE_PREFIX_PATH, or configure with -DEPSIM_CUDA=OFF")
  endif()
endif()
message(STATUS "epsim: CUDA backend ${EPSIM_HAVE_CUDA}")
