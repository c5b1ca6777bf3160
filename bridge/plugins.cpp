#include "plugins.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "core/posix.hpp"

namespace fifomq {
namespace {

constexpr const char* kFolders = "FIFOMQ_PLUGIN_PATH";

std::vector<std::string> plugins_in(const std::string& folder) {
  std::error_code failed;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.path().extension() == ".so") found.push_back(entry.path());
  }
  if (failed) {
    throw core::system_error(failed.value(), folder,
                             std::string("read this folder of ") + kFolders);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

void add_plugin_option(CLI::App& app, std::vector<std::string>& files) {
  app.add_option("--plugin", files, "load a transport from this shared object (repeatable)")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

std::vector<std::string> plugins_asked_for(std::vector<std::string> words) {
  std::vector<std::string> files;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  add_plugin_option(app, files);
  std::ranges::reverse(words);  // as the parser wants them
  try {
    app.parse(words);
  } catch (const CLI::ParseError&) {  // it is read again, and what is wrong is said then
    files.clear();
  }
  return files;
}

std::vector<std::string> plugins_of_environment() {
  const char* const folders = secure_getenv(kFolders);
  std::vector<std::string> files;
  std::istringstream list(folders == nullptr ? "" : folders);
  for (std::string folder; std::getline(list, folder, ':');) {
    if (folder.empty()) continue;
    const std::vector<std::string> found = plugins_in(folder);
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace fifomq
