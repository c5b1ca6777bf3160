# Debian packages (`cpack --preset package`): fifomq, libfifomq0, libfifomq-dev.
option(FIFOMQ_PACKAGES "Install texts compressed, and with the papers that Debian's packages have" OFF)

# Installs a text under that name; in packages compressed, as Debian wants pages and changelogs.
function(fifomq_install_text source folder component name)
  if(NOT FIFOMQ_PACKAGES)
    install(FILES ${source} DESTINATION ${folder} RENAME ${name} COMPONENT ${component})
    return()
  endif()
  find_program(FIFOMQ_GZIP gzip REQUIRED)
  set(compressed ${PROJECT_BINARY_DIR}/compressed/${name}.gz)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/compressed)
  # Without a time stamp: the same text gives the same file.
  execute_process(COMMAND ${FIFOMQ_GZIP} -9nc ${source} OUTPUT_FILE ${compressed} COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${compressed} DESTINATION ${folder} COMPONENT ${component})
endfunction()

# Last: it takes all that is said before.
function(fifomq_describe_packages)
  set(papers ${PROJECT_SOURCE_DIR}/cmake/debian)
  foreach(pair IN ITEMS program:fifomq library:libfifomq0 development:libfifomq-dev)
    string(REGEX MATCH "^(.*):(.*)$" unused ${pair})
    set(folder share/doc/${CMAKE_MATCH_2})
    install(FILES ${papers}/copyright DESTINATION ${folder} COMPONENT ${CMAKE_MATCH_1})
    fifomq_install_text(${papers}/changelog ${folder} ${CMAKE_MATCH_1} changelog.Debian)
    string(TOUPPER ${CMAKE_MATCH_1} upper)
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${CMAKE_MATCH_2})
  endforeach()

  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_CONTACT "fifomq authors <maintainers@fifomq.invalid>")
  set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
  set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
  set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(CPACK_STRIP_FILES ON)
  set(CPACK_COMPONENTS_ALL program library development)
  set(CPACK_DEB_COMPONENT_INSTALL ON)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
  set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
  set(same "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")

  set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION net)
  set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS systemd)
  set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA ${papers}/postinst ${papers}/prerm ${papers}/postrm)
  set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "The program relays messages from any channel to any other: named pipes,
ZeroMQ sockets, streams of NATS JetStream, durable queues on the disk,
standard input and output. It runs by hand or as a service whose pipe
outlives its restarts.")

  set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
  # Before 1.0 no other version will do.
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")
  set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${papers}/triggers)
  set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "The library puts named pipes, ZeroMQ sockets, streams of NATS JetStream
and durable queues on the disk behind one interface.")

  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libfifomq0 ${same}")
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS
      "libgmock-dev, libisal-dev, libnats-dev, libprotobuf-dev, libzmq3-dev, protobuf-compiler")
  set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, the static library, frame.proto, and what CMake and pkg-config
find them by.")
  include(CPack)
endfunction()
