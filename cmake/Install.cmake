# SPDX-License-Identifier: GPL-2.0-or-later

# The places of the module in a Yate, for `cmake --install` and the package alike; and of the core, for other hosts.
#
# In: YATE_MODULE_DIR, YATE_CONFIG_DIR and YATE_PREFIX. Where one isn't set, as in a source tree or for the mock
# engine, its part isn't installed. CORE is the library of the core.

include("${CMAKE_CURRENT_LIST_DIR}/Stock.cmake")
# What is installed is said in the end, not file by file.
set(CMAKE_INSTALL_MESSAGE NEVER)

# The last words of an installation, and of the package.
set(CLUSTERING_ADVICE "Restart Yate to have the new clustering module loaded.")
if(YATE_PREFIX AND NOT YATE_PREFIX MATCHES "^/usr(/local)?$")
  string(APPEND CLUSTERING_ADVICE "
Its manual pages: man -M ${YATE_PREFIX}/share/man clustering.conf, and yate-clustering(7)")
endif()

set(CLUSTERING_DOC_DIR "${YATE_PREFIX}/share/doc/yate-clustering")
set(CLUSTERING_DIRECTORIES "${YATE_MODULE_DIR}/server" ${YATE_CONFIG_DIR})
if(YATE_PREFIX)
  list(APPEND CLUSTERING_DIRECTORIES "${YATE_PREFIX}/bin" "${CLUSTERING_DOC_DIR}/docs"
       "${CLUSTERING_DOC_DIR}/include" "${CLUSTERING_DOC_DIR}/examples"
       "${YATE_PREFIX}/share/yate-clustering/prometheus" "${YATE_PREFIX}/share/yate-clustering/grafana"
       "${YATE_PREFIX}/share/yate-clustering/keepalived")
  foreach(section IN ITEMS 1 5 7)
    list(APPEND CLUSTERING_DIRECTORIES "${YATE_PREFIX}/share/man/man${section}")
  endforeach()
endif()

if(YATE_MODULE_DIR)
  set(CLUSTERING_PLACE "${YATE_MODULE_DIR}/server/clustering.yate")
  # The stock module of that name is kept beside, where no engine loads it. Which directories are made is noted for
  # Uninstall.cmake.
  install(
    CODE "
    include(\"${CMAKE_CURRENT_LIST_DIR}/Stock.cmake\")
    include(\"${CMAKE_CURRENT_LIST_DIR}/Directories.cmake\")
    # For a package nothing is put in place.
    string(FIND \"\$ENV{DESTDIR}\" /_CPack_Packages/ packing)
    if(packing EQUAL -1)
      refuse_if_packaged(\"${CLUSTERING_PLACE}\")
      note_directories(\"${PROJECT_BINARY_DIR}\" \"${CLUSTERING_DIRECTORIES}\")
    endif()
    set(place \"\$ENV{DESTDIR}${CLUSTERING_PLACE}\")
    is_stock(stock \"\${place}\")
    if(stock)
      file(RENAME \"\${place}\" \"\${place}.stock\")
      message(NOTICE \"Kept the stock module: \${place}.stock\")
    endif()"
    COMPONENT module)
  install(TARGETS clustering LIBRARY DESTINATION "${YATE_MODULE_DIR}/server" COMPONENT module)
endif()
if(YATE_CONFIG_DIR)
  set(CLUSTERING_SAMPLES conf/clustering.conf.sample conf/clustering.pgsql.sql
                         conf/clustering.sqlite.sql)
  install(FILES ${CLUSTERING_SAMPLES} DESTINATION "${YATE_CONFIG_DIR}" COMPONENT module)
endif()

if(YATE_PREFIX)
  # compressed(VARIABLE FILE NAME): a file, compressed the same way at any time.
  function(compressed variable file name)
    set(compressed "${PROJECT_BINARY_DIR}/${name}.gz")
    add_custom_command(
      OUTPUT "${compressed}"
      COMMAND sh -c "gzip -9nc \"$1\" > \"$2\"" sh "${file}" "${compressed}"
      DEPENDS "${file}"
      VERBATIM)
    add_custom_target("compressed-${name}" ALL DEPENDS "${compressed}")
    set(${variable} "${compressed}" PARENT_SCOPE)
  endfunction()

  foreach(page IN ITEMS yate-clustering-check.1 yate-clustering-metrics.1 clustering.conf.5 yate-clustering.7)
    compressed(man "${PROJECT_SOURCE_DIR}/docs/${page}" "${page}")
    string(REGEX REPLACE ".*\\." "" section "${page}")
    install(FILES "${man}" DESTINATION "${YATE_PREFIX}/share/man/man${section}" COMPONENT module)
  endforeach()
  install(PROGRAMS "${CHECK}" tools/yate-clustering-metrics DESTINATION "${YATE_PREFIX}/bin" COMPONENT module)
  file(GLOB docs CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/docs/*.md" "${PROJECT_SOURCE_DIR}/docs/*.js"
       "${PROJECT_SOURCE_DIR}/docs/*.png" "${PROJECT_SOURCE_DIR}/docs/*.svg")
  # Beside each other as in the source, since they point at each other.
  install(FILES README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md
          DESTINATION "${CLUSTERING_DOC_DIR}" COMPONENT module)
  install(FILES ${docs} DESTINATION "${CLUSTERING_DOC_DIR}/docs" COMPONENT module)
  install(FILES include/clustering.h DESTINATION "${CLUSTERING_DOC_DIR}/include" COMPONENT module)
  install(FILES examples/embed.c DESTINATION "${CLUSTERING_DOC_DIR}/examples" COMPONENT module)
  # Read by other programs, so they aren't documentation, which a system may leave out.
  install(DIRECTORY conf/prometheus conf/grafana DESTINATION "${YATE_PREFIX}/share/yate-clustering" COMPONENT module)
  install(FILES conf/keepalived/keepalived.conf
          DESTINATION "${YATE_PREFIX}/share/yate-clustering/keepalived" COMPONENT module)
  install(PROGRAMS conf/keepalived/yate-clustering-notify
          DESTINATION "${YATE_PREFIX}/share/yate-clustering/keepalived" COMPONENT module)
endif()

if(YATE_MODULE_DIR)
  install(
    CODE "
    if(packing EQUAL -1)
      message(NOTICE \"Installed \$ENV{DESTDIR}${CLUSTERING_PLACE}\n${CLUSTERING_ADVICE}\")
    endif()"
    COMPONENT module)
endif()

# The core for a host of one's own: `cmake --install BUILD --component core --prefix DIR`. Operators of a Yate don't
# need it, so it goes with neither the module nor the package. All places are relative to the prefix.
include(GNUInstallDirs)
set(CORE_PC_DIR "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH CORE_PC_PREFIX "/${CORE_PC_DIR}" /)
string(REGEX REPLACE "/$" "" CORE_PC_PREFIX "${CORE_PC_PREFIX}")
configure_file(packaging/clustering.pc.in "${PROJECT_BINARY_DIR}/clustering.pc" @ONLY)
install(FILES "${CORE}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT core EXCLUDE_FROM_ALL)
install(FILES include/clustering.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT core EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_BINARY_DIR}/clustering.pc" DESTINATION "${CORE_PC_DIR}" COMPONENT core
                                                                EXCLUDE_FROM_ALL)
