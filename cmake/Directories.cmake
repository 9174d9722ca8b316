# SPDX-License-Identifier: GPL-2.0-or-later

# Directories that an installation makes, noted so that the uninstallation takes away just these.

# The note: one directory a line, without DESTDIR.
set(DIRECTORIES_NOTE install_directories.txt)

# note_directories(BUILD DIRECTORIES): adds those that aren't there yet, and what of their parents isn't.
function(note_directories build directories)
  foreach(directory IN LISTS directories)
    while(directory AND NOT IS_DIRECTORY "$ENV{DESTDIR}${directory}")
      file(APPEND "${build}/${DIRECTORIES_NOTE}" "${directory}\n")
      cmake_path(GET directory PARENT_PATH parent)
      if(parent STREQUAL directory)
        break()
      endif()
      set(directory "${parent}")
    endwhile()
  endforeach()
endfunction()

# remove_directories(BUILD): removes those that were noted and are empty.
function(remove_directories build)
  if(NOT EXISTS "${build}/${DIRECTORIES_NOTE}")
    return()
  endif()
  file(STRINGS "${build}/${DIRECTORIES_NOTE}" directories)
  list(REMOVE_DUPLICATES directories)
  # The deepest first.
  list(SORT directories ORDER DESCENDING)
  foreach(directory IN LISTS directories)
    set(place "$ENV{DESTDIR}${directory}")
    file(GLOB left LIST_DIRECTORIES TRUE "${place}/*" "${place}/.*")
    list(FILTER left EXCLUDE REGEX "/\\.\\.?$")
    if(NOT left AND IS_DIRECTORY "${place}")
      file(REMOVE_RECURSE "${place}")
    endif()
  endforeach()
  file(REMOVE "${build}/${DIRECTORIES_NOTE}")
endfunction()
