# SPDX-License-Identifier: GPL-2.0-or-later

# Takes away what `cmake --install` has put in place, and puts the stock module back.
#
# In: BUILD, the build directory, and DESTDIR of the environment as it was then.

include("${CMAKE_CURRENT_LIST_DIR}/Stock.cmake")

set(manifest "${BUILD}/install_manifest.txt")
if(NOT EXISTS "${manifest}")
  message(FATAL_ERROR "Nothing to take away: no ${manifest}, so nothing was installed from there")
endif()
file(STRINGS "${manifest}" files)
foreach(file IN LISTS files)
  set(place "$ENV{DESTDIR}${file}")
  if(place MATCHES "\\.yate$")
    is_stock(stock "${place}")
    if(stock)
      message(STATUS "Left alone, since it isn't ours: ${place}")
      continue()
    endif()
  endif()
  file(REMOVE "${place}")
  if(EXISTS "${place}.stock")
    file(RENAME "${place}.stock" "${place}")
  endif()
  # What was made for these files alone goes with the last of them.
  cmake_path(GET place PARENT_PATH directory)
  while(directory MATCHES "/yate-clustering(/|$)")
    file(GLOB left "${directory}/*")
    if(left)
      break()
    endif()
    file(REMOVE_RECURSE "${directory}")
    cmake_path(GET directory PARENT_PATH directory)
  endwhile()
endforeach()
