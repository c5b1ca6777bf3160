# The libraries that users link, each static and shared, from the same objects: libfifomq-core and one for each other
# component, and libfifomq, which is builtin_transports() and leads to all of them. Everything in this tree links
# the static ones.
add_library(fifomq_headers INTERFACE)
set_target_properties(fifomq_headers PROPERTIES EXPORT_NAME headers)
target_compile_features(fifomq_headers INTERFACE cxx_std_20)
target_include_directories(fifomq_headers INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/transport/include>
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/bridge/include>
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# What stands in transport/core is nobody's business outside, so each shared library has a hidden copy of what it
# needs of it. Nothing in there is one for the whole process.
add_library(fifomq_internals STATIC $<TARGET_OBJECTS:fifomq_core>)
target_link_libraries(fifomq_internals PRIVATE PkgConfig::libisal)

# For a project that has this one as a subdirectory; the installed package has the same rule.
if(BUILD_SHARED_LIBS AND NOT PROJECT_IS_TOP_LEVEL)
  set(chosen shared)
else()
  set(chosen static)
endif()

# The libraries libNAME.a and libNAME.so of these parts.
function(fifomq_add_libraries component name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "PARTS;MODULES;LINKS")
  list(TRANSFORM arg_PARTS REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
  foreach(kind IN ITEMS static shared)
    string(TOUPPER ${kind} upper)
    set(target fifomq_${component}_${kind})
    add_library(${target} ${upper} ${objects})
    list(TRANSFORM arg_LINKS REPLACE "(.+)" "fifomq_\\1_${kind}" OUTPUT_VARIABLE links)
    target_link_libraries(${target} PUBLIC fifomq_headers ${links} PRIVATE Threads::Threads)
    foreach(module IN LISTS arg_MODULES)
      target_link_libraries(${target} PRIVATE PkgConfig::${module})
    endforeach()
    string(REPLACE "fifomq-" "" exported ${name})
    set_target_properties(${target} PROPERTIES
      LINKER_LANGUAGE CXX OUTPUT_NAME ${name} EXPORT_NAME ${exported}_${kind})
    add_library(fifomq::${exported}_${kind} ALIAS ${target})
  endforeach()
  add_library(fifomq::${exported} ALIAS fifomq_${component}_${chosen})
  set(exports ${PROJECT_SOURCE_DIR}/transport/exports.map)
  set_target_properties(${target} PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${exports})
  target_link_options(${target} PRIVATE -Wl,--version-script=${exports})
  # They find each other where they are installed, unless that is the system's own folder.
  if(NOT FIFOMQ_PACKAGES)
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN")
  endif()
endfunction()

get_property(components GLOBAL PROPERTY FIFOMQ_COMPONENTS)
foreach(component IN LISTS components)
  get_property(parts GLOBAL PROPERTY FIFOMQ_PARTS_${component})
  set(links core)
  if(component STREQUAL "core")
    list(PREPEND parts fifomq_api fifomq_core fifomq_relay)
    set(links "")
  endif()
  set(fifomq_${component}_modules "")
  foreach(part IN LISTS parts)
    get_target_property(modules ${part} FIFOMQ_MODULES)
    if(modules)
      list(APPEND fifomq_${component}_modules ${modules})
    endif()
  endforeach()
  fifomq_add_libraries(${component} fifomq-${component}
    PARTS ${parts} MODULES ${fifomq_${component}_modules} LINKS ${links})
  if(NOT component STREQUAL "core")
    target_link_libraries(fifomq_${component}_shared PRIVATE fifomq_internals)
  endif()
endforeach()
fifomq_add_libraries(builtin fifomq PARTS fifomq_builtin LINKS ${components})
# It calls nothing of libc itself; but a library that is not linked with it is taken for broken (lintian).
target_link_options(fifomq_builtin_shared PRIVATE LINKER:--no-as-needed -lc)

# The short name for what everything in this tree links.
add_library(fifomq INTERFACE)
target_link_libraries(fifomq INTERFACE fifomq_builtin_static)

# Typed messages: headers, and Protobuf for whoever uses them; fifomqConfig.cmake makes the same for others.
find_package(Protobuf QUIET)
add_library(fifomq_typed INTERFACE)
add_library(fifomq::typed ALIAS fifomq_typed)
target_link_libraries(fifomq_typed INTERFACE fifomq_core_${chosen} protobuf::libprotobuf)
