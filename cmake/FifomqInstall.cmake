# `cmake --install`: the libraries, headers, program, frame.proto, and what finds them again: the CMake package
# and the pkg-config files.
include(CMakePackageConfigHelpers)

# Components of the installation: the shared libraries, the program, and what one builds with.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME development)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/fifomq)
install(TARGETS fifomq_program COMPONENT program)
include(FifomqService)
install(DIRECTORY transport/include/fifomq bridge/include/fifomq ${PROJECT_BINARY_DIR}/generated/include/fifomq
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY proto/fifomq DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.proto")

# An export for each component, so that who links one never looks for what the others need.
get_property(components GLOBAL PROPERTY FIFOMQ_COMPONENTS)
install(TARGETS fifomq_headers EXPORT fifomq_core)
set(component_modules "")
foreach(component IN LISTS components ITEMS builtin)
  install(TARGETS fifomq_${component}_static fifomq_${component}_shared EXPORT fifomq_${component}
          ARCHIVE COMPONENT development
          LIBRARY COMPONENT library NAMELINK_COMPONENT development)
  install(EXPORT fifomq_${component} NAMESPACE fifomq:: DESTINATION ${package_folder}
          FILE fifomq_${component}.cmake)
  string(APPEND component_modules "set(fifomq_${component}_modules ${fifomq_${component}_modules})\n")
endforeach()
configure_package_config_file(cmake/fifomqConfig.cmake.in ${PROJECT_BINARY_DIR}/fifomqConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fifomqConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fifomqConfig.cmake ${PROJECT_BINARY_DIR}/fifomqConfigVersion.cmake
        DESTINATION ${package_folder})

# Relative, so that an installed tree can be moved; not in packages, whose place pkg-config knows as the system's own.
if(FIFOMQ_PACKAGES)
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_prefix}")
endif()

# NAME.pc. The libraries behind a static one are named in it rather than by Requires.private: Debian's libzmq.pc asks
# for more than is installed with it.
function(fifomq_install_pc name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LIBS" "REQUIRES;REQUIRES_PRIVATE;MODULES")
  set(private_libs "")
  foreach(module IN LISTS arg_MODULES)
    list(TRANSFORM ${module}_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE libs)
    list(APPEND private_libs ${libs})
  endforeach()
  foreach(list IN ITEMS private_libs arg_REQUIRES arg_REQUIRES_PRIVATE)
    list(JOIN ${list} " " ${list})
  endforeach()
  configure_file(cmake/fifomq.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

foreach(component IN LISTS components)
  set(requires "")
  if(NOT component STREQUAL "core")
    set(requires fifomq-core)
    list(APPEND others fifomq-${component})
  endif()
  fifomq_install_pc(fifomq-${component} LIBS "-L\${libdir} -lfifomq-${component}"
    REQUIRES ${requires} MODULES ${fifomq_${component}_modules})
endforeach()
fifomq_install_pc(fifomq LIBS "-L\${libdir} -lfifomq" REQUIRES fifomq-core REQUIRES_PRIVATE ${others})
fifomq_install_pc(fifomq-typed LIBS "" REQUIRES fifomq-core protobuf)
