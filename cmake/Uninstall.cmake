# SPDX-License-Identifier: GPL-2.0-or-later

# Takes away what `cmake --install` has put in place, and puts the stock module back.
#
# In: BUILD, the build directory, and DESTDIR of the environment as it was then.

include("${CMAKE_CURRENT_LIST_DIR}/Directories.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/Stock.cmake")

set(manifest "${BUILD}/install_manifest.txt")
if(NOT EXISTS "${manifest}")
  message(FATAL_ERROR "Nothing to take away: no ${manifest}, so nothing was installed from there")
endif()
file(STRINGS "${manifest}" files)
foreach(file IN LISTS files)
  if(file MATCHES "\\.yate$")
    refuse_if_packaged("${file}")
  endif()
endforeach()
foreach(file IN LISTS files)
  set(place "$ENV{DESTDIR}${file}")
  if(place MATCHES "\\.yate$")
    is_stock(stock "${place}")
    if(stock)
      # Put there since, by an installation of Yate or by hand; then the one that was kept is older.
      message(NOTICE "Left alone, since it isn't ours: ${place}")
      file(REMOVE "${place}.stock")
      continue()
    endif()
  endif()
  file(REMOVE "${place}")
  if(EXISTS "${place}.stock")
    file(RENAME "${place}.stock" "${place}")
    message(NOTICE "The stock module is back: ${place}\nRestart Yate to have it loaded.")
  endif()
endforeach()
remove_directories("${BUILD}")
