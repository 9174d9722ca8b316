# SPDX-License-Identifier: GPL-2.0-or-later

# Part of a line of this project's log, which says at load what it was built for: so its module is told from others.
set(CLUSTERING_MARK "this module was built for")

# is_stock(VARIABLE FILE): whether there is a module that isn't this project's.
function(is_stock variable file)
  set(${variable} FALSE PARENT_SCOPE)
  if(EXISTS "${file}")
    file(STRINGS "${file}" ours LIMIT_COUNT 1 REGEX "${CLUSTERING_MARK}")
    if(NOT ours)
      set(${variable} TRUE PARENT_SCOPE)
    endif()
  endif()
endfunction()

# refuse_if_packaged(PLACE): fails where the Debian package has the module there. It has its own way to put the
# stock module aside, and dpkg its own idea of whose the files are.
function(refuse_if_packaged place)
  find_program(divert dpkg-divert NO_CACHE)
  set(database "$ENV{DESTDIR}/var/lib/dpkg")
  if(NOT divert OR NOT EXISTS "${database}")
    return()
  endif()
  execute_process(
    COMMAND "${divert}" --admindir "${database}" --listpackage "${place}"
    OUTPUT_VARIABLE owner
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(owner STREQUAL yate-clustering)
    message(FATAL_ERROR "The package yate-clustering is installed. To take it away: dpkg --remove yate-clustering")
  endif()
endfunction()
