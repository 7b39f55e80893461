# One interface target carries the flags that every target of the project shares.
add_library(epsim_flags INTERFACE)
target_include_directories(epsim_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(epsim_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                            -ffp-contract=off>  # the same bits from every build
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${EPSIM_WERROR}>>:-Werror>
  # Shared inline functions are constexpr in part; --fmad=false: the bits of the CPU.
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow,-ffp-contract=off
                             --expt-relaxed-constexpr --fmad=false>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${EPSIM_WERROR}>>:-Werror=all-warnings>)
# The C++ bindings of MPI are gone from the standard; Open MPI still includes them by default.
target_compile_definitions(epsim_flags INTERFACE OMPI_SKIP_MPICXX)
if(EPSIM_SANITIZE)
  # Instrumented code makes GCC see uses of uninitialised values that are none.
  target_compile_options(epsim_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined -fno-sanitize-recover=all
                              -fno-omit-frame-pointer
                              $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>>)
  target_link_options(epsim_flags INTERFACE -fsanitize=address,undefined)
endif()
if(EPSIM_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "EPSIM_FUZZ=ON, but the compiler is ${CMAKE_CXX_COMPILER_ID} (libFuzzer is "
      "Clang's). Use cmake --preset fuzz")
  endif()
  target_compile_options(epsim_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(epsim_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
