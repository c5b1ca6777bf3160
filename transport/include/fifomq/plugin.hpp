// A transport in a shared object of its own, for Registry::load() and `fifomq --plugin`. One of its
// files says
//   FIFOMQ_PLUGIN(make_my_transport)
// with a function that returns a std::unique_ptr<fifomq::Transport>, and may throw.
//
// A plugin links no library of ours (CMake: fifomq::headers, and add_library(... MODULE)). It takes
// our names from the program that loads it, which has them all: `fifomq` has, and so has a program
// that links the shared library. Before 1.0 a plugin works with the version of fifomq whose headers
// it was compiled with, and is refused by others.
#pragma once

#include <memory>

#include <fifomq/error.hpp>
#include <fifomq/export.hpp>
#include <fifomq/transport.hpp>
#include <fifomq/version.hpp>

namespace fifomq {

// What a loader finds under the C name `fifomq_plugin`. Plain data: to read it runs nothing.
struct PluginEntry {
  // First in every version: only where it is the loader's own does the rest mean anything.
  const char* version;
  // The one that the plugin sees, which must be the loader's.
  const std::error_category& (*category)() noexcept;
  // What the plugin wrote: a new transport, or an exception.
  std::unique_ptr<Transport> (*make)();
};

}  // namespace fifomq

// Stands once in a plugin, outside of any namespace.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): the name must not depend on the plugin
#define FIFOMQ_PLUGIN(make)                                           \
  extern "C" FIFOMQ_EXPORT const ::fifomq::PluginEntry fifomq_plugin; \
  extern "C" const ::fifomq::PluginEntry fifomq_plugin {              \
    ::fifomq::kVersion, &::fifomq::error_category, &(make)            \
  }
