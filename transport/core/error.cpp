#include <fifomq/error.hpp>

namespace fifomq {
namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "fifomq"; }
  std::string message(int value) const override { return error_name(static_cast<Errc>(value)); }
};

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
  text_ = (endpoint_.empty() ? "" : endpoint_ + ": ") + sentence + " [" + error_name(code) + "]";
}

}  // namespace fifomq
