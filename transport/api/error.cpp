#include <string_view>

#include <fifomq/error.hpp>

#include "core/utf8.hpp"

namespace fifomq {
namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "fifomq"; }
  std::string message(int value) const override { return error_name(static_cast<Errc>(value)); }
};

bool is_control(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7F) return true;
  // U+0080 to U+009F, which some terminals obey too.
  return byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0;
}

void append_escaped(std::string& text, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  text += "\\x";
  text += kDigits[byte >> 4];
  text += kDigits[byte & 0xF];
}

// An endpoint and a peer's names end up in logs and on terminals: one line, and nothing that a
// terminal obeys.
std::string printable(std::string_view text) {
  const bool is_utf8 = core::is_utf8(text);
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_ascii = static_cast<unsigned char>(text[i]) < 0x80;
    if (!is_ascii && !is_utf8) {
      append_escaped(shown, text[i]);
    } else if (is_control(text, i)) {
      append_escaped(shown, text[i]);
      if (!is_ascii) append_escaped(shown, text[++i]);
    } else {
      shown += text[i];
    }
  }
  return shown;
}

}  // namespace

const char* error_name(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_endpoint:
      return "invalid_endpoint";
    case Errc::unknown_option:
      return "unknown_option";
    case Errc::invalid_option:
      return "invalid_option";
    case Errc::wrong_direction:
      return "wrong_direction";
    case Errc::not_found:
      return "not_found";
    case Errc::wrong_type:
      return "wrong_type";
    case Errc::permission_denied:
      return "permission_denied";
    case Errc::in_use:
      return "in_use";
    case Errc::too_large:
      return "too_large";
    case Errc::not_representable:
      return "not_representable";
    case Errc::full:
      return "full";
    case Errc::other_message_type:
      return "other_message_type";
    case Errc::undecodable:
      return "undecodable";
    case Errc::over_decode_limit:
      return "over_decode_limit";
    case Errc::unsupported:
      return "unsupported";
    case Errc::system_failure:
      return "system_failure";
  }
  return "unknown";
}

const std::error_category& error_category() noexcept {
  static const Category kCategory;
  return kCategory;
}

std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

Error::Error(Errc code, std::string endpoint, const std::string& sentence)
    : std::system_error(code), endpoint_(std::move(endpoint)) {
  text_ = printable((endpoint_.empty() ? "" : endpoint_ + ": ") + sentence + " [" +
                    error_name(code) + "]");
}

// Here, so that the class has one home in a process.
const char* Error::what() const noexcept { return text_.c_str(); }

}  // namespace fifomq
