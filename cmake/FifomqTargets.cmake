# How every target of ours is compiled.
add_library(fifomq_compile_options INTERFACE)
target_compile_options(fifomq_compile_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion
  # Files that are compiled as one shadow each other's names; clang has no word for the rest.
  $<IF:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>,$<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>,-Wshadow>
  # GCC 12 sees overlaps in std::string that are not there (https://gcc.gnu.org/PR105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${FIFOMQ_WARNINGS_AS_ERRORS}>:-Werror>)

# How the code of programs and examples is compiled. What moves messages is in the library; with the sanitizers
# the headers behind a command line alone take a minute.
set(FIFOMQ_PROGRAM_OPTIONS "" CACHE STRING "Compiler options for the code of programs and examples alone")
add_library(fifomq_program_options INTERFACE)
target_link_libraries(fifomq_program_options INTERFACE fifomq_compile_options)
target_compile_options(fifomq_program_options INTERFACE ${FIFOMQ_PROGRAM_OPTIONS})

# Most of a compiler's time goes into the same headers, once for each file. So the presets compile some files of
# a target at a time (CMAKE_UNITY_BUILD); not those of the library where its speed is measured, which shows that each
# includes what it needs.
set(FIFOMQ_LIBRARY_UNITY "${CMAKE_UNITY_BUILD}" CACHE BOOL "Compile files of the library together")

# Nobody outside sees what is not said to be public (fifomq/export.hpp).
function(fifomq_hide_names target)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# A part of the libraries: objects, which go into the component that needs them. A part sees the public headers, the
# core, and what stands in its own folder; nothing else.
function(fifomq_add_part name)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "(_test|conformance)\\.cpp$")
  add_library(${name} OBJECT ${sources})
  target_include_directories(${name}
    PUBLIC ${PROJECT_SOURCE_DIR}/transport/include ${PROJECT_BINARY_DIR}/generated/include
    PRIVATE ${PROJECT_SOURCE_DIR}/transport ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE fifomq_compile_options)
  set_target_properties(${name} PROPERTIES UNITY_BUILD "${FIFOMQ_LIBRARY_UNITY}")
  fifomq_hide_names(${name})
endfunction()

# What a part links, by its name in pkg-config: whoever links the part links it too. A plugin that says so is a
# component of its own.
function(fifomq_part_links part module)
  target_link_libraries(${part} PRIVATE PkgConfig::${module})
  set_property(TARGET ${part} APPEND PROPERTY FIFOMQ_MODULES ${module})
endfunction()

# A plugin whose library is not on this system says so instead of adding a part. Everything else is built.
function(fifomq_leave_out_plugin reason)
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME name)
  message(STATUS "The transport '${name}' is left out: ${reason}")
  set_property(GLOBAL APPEND PROPERTY FIFOMQ_PLUGINS_LEFT_OUT ${name})
endfunction()
