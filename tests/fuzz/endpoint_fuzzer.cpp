// Any text as an endpoint: either it is one, and then it reads back the same, or the refusal is a
// sentence that names it.
#include <algorithm>
#include <string>
#include <string_view>

#include <fifomq/endpoint.hpp>
#include <fifomq/error.hpp>

#include "core/utf8.hpp"
#include "fuzz/target.hpp"

namespace fifomq {
namespace {

using test::require;

std::string encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

// The same endpoint with every byte that may be written as %XX written so.
std::string respelled(const Endpoint& endpoint) {
  std::string text = endpoint.scheme() + ":" + encode(endpoint.address());
  char before = '?';
  for (const auto& [key, value] : endpoint.options()) {
    text += before + key + "=" + encode(value);
    before = '&';
  }
  return text;
}

void require_same(const Endpoint& one, const Endpoint& other) {
  require(one.scheme() == other.scheme(), "the scheme stays");
  require(one.address() == other.address(), "the address stays");
  require(one.options() == other.options(), "the options stay");
}

void check_accepted(const Endpoint& endpoint, std::string_view text) {
  require(endpoint.text() == text, "text() is what was given");
  require(!endpoint.scheme().empty(), "there is a scheme");
  require(text.starts_with(endpoint.scheme()), "the scheme stands in front");
  for (const auto& [key, value] : endpoint.options()) {
    require(!key.empty() && key.find_first_of("=&") == std::string::npos, "a key is one");
    require(std::ranges::count(endpoint.options(), key,
                               &std::pair<std::string, std::string>::first) == 1,
            "a key is given once");
  }
  require_same(endpoint, Endpoint::parse(endpoint.text()));
  require_same(endpoint, Endpoint::parse(respelled(endpoint)));
}

void check_refused(const Error& error, std::string_view text) {
  const std::string_view what = error.what();
  require(error.errc() == Errc::invalid_endpoint, "the error is invalid_endpoint");
  require(error.endpoint() == text, "the error has the endpoint");
  require(what.ends_with(" [invalid_endpoint]"), "the sentence ends with the error's name");
  require(core::is_utf8(what), "the sentence is UTF-8");
  require(std::ranges::none_of(what, [](unsigned char c) { return c < 0x20 || c == 0x7F; }),
          "the sentence is one line of printable text");
  require(text.empty() || what.starts_with(std::string(text) + ": ") ||
              what.find("\\x") != std::string_view::npos,
          "the sentence begins with the endpoint, or with what is printable of it");
}

}  // namespace
}  // namespace fifomq

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    fifomq::check_accepted(fifomq::Endpoint::parse(text), text);
  } catch (const fifomq::Error& error) {
    fifomq::check_refused(error, text);
  }
  return 0;
}
