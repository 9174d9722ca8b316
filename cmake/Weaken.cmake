# SPDX-License-Identifier: GPL-2.0-or-later

# Makes what object files take from the engine weak: a library of them can be loaded where it's missing.
#
# In: OBJECTS, the files, and OBJCOPY, the tool.

foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND "${OBJCOPY}" --preserve-dates --wildcard "--weaken-symbol=_Z*9TelEngine*"
                          "${object}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
