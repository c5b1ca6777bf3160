# The cases as a library, for this tree's transports and, once installed, for everybody's.
find_package(GTest REQUIRED)
add_library(fifomq_conformance STATIC
  committing.cpp
  fixture.cpp
  main.cpp
  peer_process.cpp
  polling.cpp
  rule01_whole.cpp
  rule02_order.cpp
  rule03_direction.cpp
  rule04_deadlines.cpp
  rule05_values_and_errors.cpp
  rule06_large.cpp
  rule06_sent.cpp
  rule07_killed_peers.cpp
  rule07_next_peer.cpp
  rule08_full.cpp
  rule09_ledger.cpp
  rule10_sizes.cpp
  rule11_poll_fd.cpp
  rule12_fork.cpp
  rule12_threads.cpp
  rule13_commit.cpp
  rule13_crash.cpp
  signal_storm.cpp
  suite.cpp)
set_target_properties(fifomq_conformance PROPERTIES OUTPUT_NAME fifomq-conformance EXPORT_NAME conformance_cases)
target_include_directories(fifomq_conformance PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(fifomq_conformance
  PUBLIC fifomq_headers GTest::gmock PkgConfig::libzmq Threads::Threads
  PRIVATE $<BUILD_INTERFACE:fifomq_test_options>)
# It makes and compares every byte of every message, and is optimised in every build.
set_source_files_properties(fixture.cpp PROPERTIES COMPILE_OPTIONS -O2 SKIP_PRECOMPILE_HEADERS ON)

install(TARGETS fifomq_conformance EXPORT fifomq_conformance ARCHIVE COMPONENT development)
install(EXPORT fifomq_conformance NAMESPACE fifomq:: COMPONENT development
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/fifomq FILE fifomq_conformance.cmake)
install(FILES suite.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fifomq RENAME conformance.hpp
        COMPONENT development)
