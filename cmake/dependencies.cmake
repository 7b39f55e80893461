# Everything comes from the system's packages: nothing is downloaded at configure time.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
find_package(HDF5 REQUIRED COMPONENTS C HL)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Boost 1.74 REQUIRED)  # headers only: Boost.Math's distributions
find_package(dnnl REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)  # what oneDNN runs on
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(YAMLCPP REQUIRED IMPORTED_TARGET yaml-cpp)
find_package(ZLIB REQUIRED)
# Debian's METIS has no CMake package and no .pc file.
find_path(METIS_INCLUDE_DIR metis.h REQUIRED)
find_library(METIS_LIBRARY metis REQUIRED)
add_library(epsim_metis INTERFACE)
target_include_directories(epsim_metis SYSTEM INTERFACE ${METIS_INCLUDE_DIR})
target_link_libraries(epsim_metis INTERFACE ${METIS_LIBRARY})
# Optional: a solver for placement strategy optimal.
find_path(CBC_INCLUDE_DIR coin/Cbc_C_Interface.h)
find_library(CBC_LIBRARY CbcSolver)
add_library(epsim_cbc INTERFACE)
set(EPSIM_HAVE_CBC FALSE)
if(CBC_INCLUDE_DIR AND CBC_LIBRARY)
  set(EPSIM_HAVE_CBC TRUE)
  target_include_directories(epsim_cbc SYSTEM INTERFACE ${CBC_INCLUDE_DIR})
  target_link_libraries(epsim_cbc INTERFACE ${CBC_LIBRARY})
endif()
# Header-only on purpose: Debian's CMake target forces the shared library.
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
add_library(epsim_tomlplusplus INTERFACE)
target_include_directories(epsim_tomlplusplus SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR})
target_compile_definitions(epsim_tomlplusplus INTERFACE TOML_HEADER_ONLY=1)
# Its parser (3.3) asserts, and promises to Clang, what does not hold of a key like "[}": without, it
# says what is wrong. Of U+00A1 to U+0499 it asks whether they are space in a switch of two cases and
# a default that it calls unreachable: either case says no, which is right.
target_compile_options(epsim_tomlplusplus INTERFACE "-DTOML_ASSERT(expr)=static_assert(true)"
  $<$<CXX_COMPILER_ID:Clang>:-UNDEBUG>
  $<$<BOOL:${EPSIM_SANITIZE}>:-fno-sanitize=unreachable>)

if(EPSIM_TESTS)
  find_package(GTest REQUIRED)
endif()
if(EPSIM_BENCH)
  find_package(benchmark REQUIRED)
endif()
