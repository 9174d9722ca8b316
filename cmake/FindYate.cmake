# SPDX-License-Identifier: GPL-2.0-or-later

# Finds a Yate and makes the target yate::engine of it, with the flags that its yate-config prints:
# they change the layout of its classes, so a module must be built with just these.
#
# In:  YATE_ROOT, an installed prefix or a built source tree; else yate-config is looked for on the PATH.
# Out: yate::engine and YATE_VERSION; where Yate has its modules (YATE_MODULE_DIR), and unless it's a source
# tree its configuration and everything (YATE_CONFIG_DIR, YATE_PREFIX). Nothing where there is no Yate.

if(YATE_ROOT)
  find_program(YATE_CONFIG yate-config PATHS "${YATE_ROOT}/bin" "${YATE_ROOT}" NO_CACHE
               NO_DEFAULT_PATH)
  if(NOT YATE_CONFIG)
    message(FATAL_ERROR "YATE_ROOT=${YATE_ROOT}: no yate-config there or in its bin")
  endif()
else()
  find_program(YATE_CONFIG yate-config NO_CACHE)
endif()
if(NOT YATE_CONFIG)
  return()
endif()

# yate_ask(VARIABLE OPTION): what yate-config prints.
function(yate_ask variable option)
  execute_process(
    COMMAND "${YATE_CONFIG}" "${option}"
    OUTPUT_VARIABLE answer
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${variable} "${answer}" PARENT_SCOPE)
endfunction()

yate_ask(YATE_VERSION --version)
yate_ask(YATE_CFLAGS --cflags)
yate_ask(YATE_LDFLAGS --ldflags)
if(EXISTS "${YATE_ROOT}/yatengine.h")
  # A source tree, whose yate-config speaks of where it will be installed. Its conf.d has samples of its
  # own, which are left alone.
  set(YATE_INCLUDES "-I\"${YATE_ROOT}\"")
  set(YATE_LIBS "-L\"${YATE_ROOT}\" -lyate")
  set(YATE_MODULE_DIR "${YATE_ROOT}/modules")
else()
  yate_ask(YATE_INCLUDES --includes)
  yate_ask(YATE_LIBS --libs)
  yate_ask(YATE_MODULE_DIR --modules)
  yate_ask(YATE_CONFIG_DIR --config)
  cmake_path(GET YATE_CONFIG PARENT_PATH YATE_PREFIX)
  cmake_path(GET YATE_PREFIX PARENT_PATH YATE_PREFIX)
endif()

foreach(flags IN ITEMS YATE_CFLAGS YATE_INCLUDES YATE_LDFLAGS YATE_LIBS)
  separate_arguments(${flags} UNIX_COMMAND "${${flags}}")
endforeach()
# Ours to say: CMake makes a shared object of it anyway.
list(REMOVE_ITEM YATE_LDFLAGS -shared)
list(TRANSFORM YATE_INCLUDES REPLACE "^-I" "")

add_library(yate::engine INTERFACE IMPORTED)
set_target_properties(
  yate::engine
  PROPERTIES INTERFACE_COMPILE_OPTIONS "${YATE_CFLAGS}"
             INTERFACE_INCLUDE_DIRECTORIES "${YATE_INCLUDES}"
             INTERFACE_LINK_OPTIONS "${YATE_LDFLAGS}"
             INTERFACE_LINK_LIBRARIES "${YATE_LIBS}")
# For the package: whose it is.
find_library(YATE_LIBRARY yate HINTS "${YATE_PREFIX}/lib" NO_CACHE)
message(STATUS "Yate: ${YATE_VERSION} by ${YATE_CONFIG}")
