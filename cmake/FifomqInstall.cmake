# `cmake --install`: library, headers, program, frame.proto, and what finds them again: the CMake package
# and the pkg-config file.
include(CMakePackageConfigHelpers)

# Components: the shared library, the program, and what one builds with.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME development)
install(TARGETS fifomq EXPORT fifomqTargets
        LIBRARY COMPONENT library NAMELINK_COMPONENT development)
install(TARGETS fifomq_program COMPONENT program)
include(FifomqService)
install(DIRECTORY transport/include/fifomq bridge/include/fifomq ${PROJECT_BINARY_DIR}/generated/include/fifomq
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY proto/fifomq DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.proto")

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/fifomq)
# Typed messages: headers, and Protobuf for whoever uses them. An export of its own, so that the others never
# look for Protobuf.
find_package(Protobuf QUIET)
add_library(fifomq_typed INTERFACE)
add_library(fifomq::typed ALIAS fifomq_typed)
set_target_properties(fifomq_typed PROPERTIES EXPORT_NAME typed)
target_link_libraries(fifomq_typed INTERFACE fifomq protobuf::libprotobuf)
install(TARGETS fifomq_typed EXPORT fifomqTypedTargets)
install(EXPORT fifomqTypedTargets NAMESPACE fifomq:: DESTINATION ${package_folder})

install(EXPORT fifomqTargets NAMESPACE fifomq:: DESTINATION ${package_folder})
configure_package_config_file(cmake/fifomqConfig.cmake.in ${PROJECT_BINARY_DIR}/fifomqConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fifomqConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fifomqConfig.cmake ${PROJECT_BINARY_DIR}/fifomqConfigVersion.cmake
        DESTINATION ${package_folder})

# Relative, so that an installed tree can be moved. The libraries behind a static one are named here rather than
# by Requires: Debian's libzmq.pc asks for more than is installed with it.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(private_libs "-lzmq -lisal -pthread")
if(BUILD_SHARED_LIBS)
  set(static_libs "")
else()
  set(static_libs " ${private_libs}")
endif()
configure_file(cmake/fifomq.pc.in ${PROJECT_BINARY_DIR}/fifomq.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/fifomq.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
