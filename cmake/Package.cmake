# SPDX-License-Identifier: GPL-2.0-or-later

# The Debian package: `cpack` in the build directory.
#
# In: as for Install.cmake, and YATE_VERSION. The environment says who packs, as for Debian's own tools: DEBFULLNAME
# and DEBEMAIL.

if(NOT YATE_MODULE_DIR OR NOT YATE_CONFIG_DIR OR NOT YATE_PREFIX)
  return()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME yate-clustering)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "several Yate telephony servers work as one")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "The clustering module of Yate (Yet Another Telephony Engine): a user is
called on the node where they are registered, a conference room is in one
place, a call has one billing identifier on all nodes. It is a drop-in
successor of the stock module, which is put aside while this package is
installed.")
set(CPACK_DEBIAN_PACKAGE_SECTION comm)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGING_INSTALL_PREFIX "${YATE_PREFIX}")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENTS_ALL module debian)
# What is built is packed.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)

# A package for each version of Yate, since the module fits no other.
set(CPACK_DEBIAN_PACKAGE_VERSION "${PROJECT_VERSION}")
if(YATE_VERSION)
  string(APPEND CPACK_DEBIAN_PACKAGE_VERSION "+yate${YATE_VERSION}")
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(PACKAGE_VERSION "${CPACK_DEBIAN_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

set(packer "$ENV{DEBFULLNAME}")
set(address "$ENV{DEBEMAIL}")
if(NOT address)
  cmake_host_system_information(RESULT host QUERY FQDN)
  set(address "root@${host}")
endif()
if(NOT packer)
  set(packer "Administrator")
endif()
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${packer} <${address}>")

# The C and C++ libraries, as linked; and the engine, if it's one of a package: the module needs its very version.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
if(YATE_LIBRARY)
  file(REAL_PATH "${YATE_LIBRARY}" library)
  execute_process(
    COMMAND dpkg-query --search "${library}"
    OUTPUT_VARIABLE owner
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  # "libyate:amd64: /usr/lib/libyate.so.6.4.1"
  if(owner MATCHES "^([a-z0-9.+-]+)[: ]")
    set(owner "${CMAKE_MATCH_1}")
    if(YATE_VERSION MATCHES "^(.*\\.)([0-9]+)$")
      math(EXPR next "${CMAKE_MATCH_2} + 1")
      set(CPACK_DEBIAN_PACKAGE_DEPENDS
          "${owner} (>= ${YATE_VERSION}~), ${owner} (<< ${CMAKE_MATCH_1}${next}~)")
    endif()
  endif()
endif()

# What dpkg runs and reads, made for these directories.
set(control "${PROJECT_BINARY_DIR}/debian")
set(CONFFILES "")
foreach(sample IN LISTS CLUSTERING_SAMPLES)
  cmake_path(GET sample FILENAME name)
  string(APPEND CONFFILES "${YATE_CONFIG_DIR}/${name}\n")
endforeach()
file(CONFIGURE OUTPUT "${control}/conffiles" CONTENT "@CONFFILES@" @ONLY)
string(TIMESTAMP PACKAGE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(SCRIPTS preinst postinst prerm postrm)
foreach(name IN LISTS SCRIPTS ITEMS changelog.Debian)
  configure_file("packaging/${name}.in" "${control}/${name}" @ONLY)
endforeach()
list(TRANSFORM SCRIPTS PREPEND "${control}/")
file(CHMOD ${SCRIPTS}
     PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${control}/conffiles;${SCRIPTS}")

# Where Debian's policy wants them, whatever the prefix is.
set(doc /usr/share/doc/yate-clustering)
compressed(log "${PROJECT_SOURCE_DIR}/CHANGELOG.md" changelog)
compressed(packed "${control}/changelog.Debian" changelog.Debian)
install(FILES packaging/copyright "${log}" "${packed}" DESTINATION "${doc}" COMPONENT debian
                                                       EXCLUDE_FROM_ALL)
file(READ packaging/lintian-overrides overrides)
if(NOT YATE_PREFIX STREQUAL /usr)
  file(READ packaging/lintian-overrides.prefix more)
  string(APPEND overrides "${more}")
endif()
file(WRITE "${control}/lintian-overrides" "${overrides}")
install(FILES "${control}/lintian-overrides" DESTINATION /usr/share/lintian/overrides
        RENAME yate-clustering COMPONENT debian EXCLUDE_FROM_ALL)

include(CPack)
