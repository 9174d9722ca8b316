# SPDX-License-Identifier: GPL-2.0-or-later

# Takes away what `cmake --install` has put in place, and puts the stock module back.
#
# In: BUILD, the build directory, and DESTDIR of the environment as it was then.

file(STRINGS "${BUILD}/install_manifest.txt" files)
foreach(file IN LISTS files)
  set(place "$ENV{DESTDIR}${file}")
  file(REMOVE "${place}")
  if(EXISTS "${place}.stock")
    file(RENAME "${place}.stock" "${place}")
  endif()
endforeach()
