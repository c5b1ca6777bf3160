# How every target of ours is compiled.
add_library(fifomq_compile_options INTERFACE)
target_compile_options(fifomq_compile_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  # GCC 12 sees overlaps in std::string that are not there (https://gcc.gnu.org/PR105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${FIFOMQ_WARNINGS_AS_ERRORS}>:-Werror>)

# How the code of programs and examples is compiled. What moves messages is in the library; with the sanitizers
# the headers behind a command line alone take a minute.
set(FIFOMQ_PROGRAM_OPTIONS "" CACHE STRING "Compiler options for the code of programs and examples alone")
add_library(fifomq_program_options INTERFACE)
target_link_libraries(fifomq_program_options INTERFACE fifomq_compile_options)
target_compile_options(fifomq_program_options INTERFACE ${FIFOMQ_PROGRAM_OPTIONS})

# A part of the library: its objects go into the one library that users link. A part sees the public
# headers, the core, and what stands in its own folder; nothing else.
function(fifomq_add_part name)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "(_test|conformance)\\.cpp$")
  add_library(${name} OBJECT ${sources})
  target_include_directories(${name}
    PUBLIC ${PROJECT_SOURCE_DIR}/transport/include ${PROJECT_BINARY_DIR}/generated/include
    PRIVATE ${PROJECT_SOURCE_DIR}/transport ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE fifomq_compile_options)
  set_property(GLOBAL APPEND PROPERTY FIFOMQ_PARTS ${name})
endfunction()
