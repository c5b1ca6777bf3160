// Transports that the program is told to load.
#pragma once

#include <string>
#include <vector>

#include <fifomq/transport.hpp>

namespace CLI {
class App;
}

namespace fifomq {

// The option --plugin, which may stand several times.
void add_plugin_option(CLI::App& app, std::vector<std::string>& files);

// The values of --plugin among the words of a command line. They are needed before it is read,
// since a transport may contribute commands.
std::vector<std::string> plugins_asked_for(std::vector<std::string> words);

// All files NAME.so, by their names, in the folders of FIFOMQ_PLUGIN_PATH, which stand in it with
// colons between them. Throws Error for a folder that cannot be read.
std::vector<std::string> plugins_of_environment();

}  // namespace fifomq
