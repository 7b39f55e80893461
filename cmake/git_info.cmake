# Run at every build (cmake -P): writes git_info.hpp, and only if it changed.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git rev-parse HEAD WORKING_DIRECTORY ${SOURCE_DIR}
  OUTPUT_VARIABLE sha OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
set(dirty 0)
if(failed)
  set(sha unknown)
else()
  execute_process(COMMAND git status --porcelain WORKING_DIRECTORY ${SOURCE_DIR}
    OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes)
    set(dirty 1)
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT
"#pragma once
#define EPSIM_GIT_SHA \"@sha@\"
#define EPSIM_GIT_DIRTY @dirty@
")
