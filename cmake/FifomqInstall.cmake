# `cmake --install`: library, headers, program, frame.proto, and what finds them again: the CMake package
# and the pkg-config file.
include(CMakePackageConfigHelpers)

install(TARGETS fifomq EXPORT fifomqTargets)
install(TARGETS fifomq_program)
install(DIRECTORY transport/include/fifomq bridge/include/fifomq ${PROJECT_BINARY_DIR}/generated/include/fifomq
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY proto/fifomq DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.proto")

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/fifomq)
install(EXPORT fifomqTargets NAMESPACE fifomq:: DESTINATION ${package_folder})
configure_package_config_file(cmake/fifomqConfig.cmake.in ${PROJECT_BINARY_DIR}/fifomqConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fifomqConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fifomqConfig.cmake ${PROJECT_BINARY_DIR}/fifomqConfigVersion.cmake
        DESTINATION ${package_folder})

configure_file(cmake/fifomq.pc.in ${PROJECT_BINARY_DIR}/fifomq.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/fifomq.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
