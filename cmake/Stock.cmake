# SPDX-License-Identifier: GPL-2.0-or-later

# is_stock(VARIABLE FILE): whether there is a module that isn't this project's. Ours says in its log what it was
# built for.
function(is_stock variable file)
  set(${variable} FALSE PARENT_SCOPE)
  if(EXISTS "${file}")
    file(STRINGS "${file}" ours LIMIT_COUNT 1 REGEX "this module was built for")
    if(NOT ours)
      set(${variable} TRUE PARENT_SCOPE)
    endif()
  endif()
endfunction()
