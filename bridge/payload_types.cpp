#include "payload_types.hpp"

#include <fcntl.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <fifomq/error.hpp>
#include <fifomq/typed.hpp>

#include "config_error.hpp"
#include "core/posix.hpp"
#include "core/suggest.hpp"
#include "core/unique_fd.hpp"

namespace fifomq {
namespace {

namespace pb = google::protobuf;

// Messages inside each other, those that are packed into an Any included.
constexpr int kMostDepth = 64;
// Bytes of one message once it is decoded, and of its JSON.
constexpr std::uint64_t kMostMemory = std::uint64_t{64} << 20;
constexpr std::size_t kMostShownNames = 8;
constexpr std::string_view kAny = "google.protobuf.Any";
const std::string kUrlPrefix = "type.googleapis.com";

std::string read_whole(const std::string& where, const std::string& file) {
  const core::UniqueFd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  int error = opened ? 0 : errno;
  std::string bytes;
  std::vector<std::byte> piece(std::size_t{64} << 10);
  for (bool more = error == 0; more;) {
    const core::IoResult result = core::read_some(opened.get(), piece);
    bytes.append(as_text(std::span(piece).first(result.count)));
    more = result.status == core::IoStatus::done;
    if (result.status == core::IoStatus::failed) error = result.error;
  }
  if (error == 0) return bytes;
  throw ConfigError(where + ": cannot read " + file + ": " +
                    std::generic_category().message(error));
}

std::string url_of(const PayloadTypes::Type& type) { return kUrlPrefix + "/" + type.full_name(); }

// Behind the first line of what Protobuf says stands the place, drawn; in front, where it is the
// outermost message, an empty name.
std::string sentence_of(pb::StringPiece message) {
  std::string text(message.data(), message.size());
  text.erase(std::min(text.find('\n'), text.size()));
  if (text.starts_with(": ")) text.erase(0, 2);
  return text;
}

// As an Error, so that nothing that stands in a payload gets at a terminal.
[[noreturn]] void refuse(const std::string& why) { throw Error(Errc::undecodable, "", why); }

// Takes so many bytes, and from then on none.
class BoundedText final : public pb::io::ZeroCopyOutputStream {
 public:
  explicit BoundedText(std::uint64_t most) : most_(most), stream_(&text_) {}

  bool Next(void** data, int* size) override {
    if (text_.size() > most_) return false;
    return stream_.Next(data, size);
  }
  void BackUp(int count) override { stream_.BackUp(count); }
  std::int64_t ByteCount() const override { return stream_.ByteCount(); }

  bool is_over() const { return text_.size() > most_; }
  std::string take() { return std::move(text_); }

 private:
  const std::uint64_t most_;
  std::string text_;
  pb::io::StringOutputStream stream_;
};

// The first thing that is wrong.
class FirstError final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*,
                ErrorLocation, const std::string& message) override {
    if (text_.empty()) text_ = file + ": " + element + ": " + message;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

pb::FileDescriptorSet set_of(const std::string& bytes) {
  pb::FileDescriptorSet set;
  const bool parsed = set.ParseFromString(bytes);
  const bool named =
      std::ranges::all_of(set.file(), [](const auto& each) { return !each.name().empty(); });
  if (parsed && named && !set.file().empty() && set.unknown_fields().empty()) return set;
  throw std::runtime_error(
      "is no descriptor set, such as protoc --include_imports "
      "--descriptor_set_out writes");
}

// Puts the files of a set into a pool, each behind those that it imports. What comes with Protobuf
// itself may be missing in the set. Throws std::runtime_error with the end of a sentence.
class PoolBuilder {
 public:
  PoolBuilder(const pb::FileDescriptorSet& set, pb::DescriptorPool& pool) : pool_(pool) {
    // Of several of a name the first one counts.
    for (const auto& file : set.file()) files_.emplace(file.name(), &file);
  }

  // Returns the names of the files.
  const std::set<std::string>& build() {
    for (const auto& [name, file] : files_) build(*file);
    return begun_;
  }

 private:
  void build(const pb::FileDescriptorProto& file) {
    // Protobuf itself says what is wrong with files that import each other.
    if (!begun_.insert(file.name()).second) return;
    for (const std::string& name : file.dependency()) build_import(name);
    FirstError error;
    if (pool_.BuildFileCollectingErrors(file, &error) == nullptr) {
      throw std::runtime_error("cannot be used: " + error.text());
    }
  }

  void build_import(const std::string& name) {
    const auto found = files_.find(name);
    if (found != files_.end()) return build(*found->second);
    const auto* const known = pb::DescriptorPool::generated_pool()->FindFileByName(name);
    if (known == nullptr) {
      throw std::runtime_error("lacks " + name +
                               ", which is imported in it: protoc adds it with --include_imports");
    }
    pb::FileDescriptorProto file;
    known->CopyTo(&file);
    build(file);
  }

  pb::DescriptorPool& pool_;
  std::map<std::string, const pb::FileDescriptorProto*> files_;
  std::set<std::string> begun_;
};

}  // namespace

PayloadTypes::PayloadTypes(const std::string& where, std::string file)
    : file_(std::move(file)), pool_(std::make_unique<pb::DescriptorPool>()) {
  // What Protobuf would say on standard error, our own sentences say.
  pb::SetLogHandler(nullptr);
  const std::string bytes = read_whole(where, file_);
  try {
    const pb::FileDescriptorSet set = set_of(bytes);
    PoolBuilder builder(set, *pool_);
    for (const std::string& name : builder.build()) take(*pool_->FindFileByName(name));
  } catch (const std::runtime_error& error) {
    throw ConfigError(where + ": " + file_ + " " + error.what());
  }
  factory_ = std::make_unique<pb::DynamicMessageFactory>(pool_.get());
  resolver_.reset(pb::util::NewTypeResolverForDescriptorPool(kUrlPrefix, pool_.get()));
  has_any_ = find(kAny) != nullptr;
}

PayloadTypes::~PayloadTypes() = default;

void PayloadTypes::take(const pb::FileDescriptor& file) {
  for (int i = 0; i < file.message_type_count(); ++i) take(*file.message_type(i));
}

void PayloadTypes::take(const Type& type) {
  if (type.options().map_entry()) return;
  types_.emplace(type.full_name(), &type);
  for (int i = 0; i < type.nested_type_count(); ++i) take(*type.nested_type(i));
}

const PayloadTypes::Type* PayloadTypes::find(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : found->second;
}

std::string PayloadTypes::not_found(std::string_view name) const {
  std::vector<std::string_view> known;
  for (const auto& [each, type] : types_) known.push_back(each);
  // Of many, the list is no help.
  if (core::nearest(name, known).empty() && known.size() > kMostShownNames) {
    return "there is no type '" + std::string(name) + "' among the " +
           std::to_string(known.size()) + " of " + file_;
  }
  return "there is no type '" + std::string(name) + "' in " + file_ + core::suggestion(name, known);
}

std::unique_ptr<pb::Message> PayloadTypes::make(const Type& type) const {
  return std::unique_ptr<pb::Message>(factory_->GetPrototype(&type)->New());
}

std::string PayloadTypes::to_json(const Type& type, const MessageView& message) const {
  const auto decoded = make(type);
  typed::Decoding(message, *decoded, "").run({.depth = kMostDepth, .memory = kMostMemory});
  std::uint64_t memory = kMostMemory;
  if (has_any_ && !any_fits(*decoded, 0, memory)) {
    refuse("what is packed into it is damaged, too deep, or too much");
  }
  // Written anew: fields that came twice, or in parts, stand there once.
  const std::string bytes = decoded->SerializeAsString();
  pb::io::ArrayInputStream in(bytes.data(), static_cast<int>(bytes.size()));
  BoundedText out(kMostMemory);
  const auto status = pb::util::BinaryToJsonStream(resolver_.get(), url_of(type), &in, &out, {});
  if (!status.ok()) refuse(sentence_of(status.message()));
  if (out.is_over()) {
    refuse("in JSON it would take more than " + std::to_string(kMostMemory) + " bytes");
  }
  return out.take();
}

// What is packed into an Any is bytes to the decoder, whose limits end there.
bool PayloadTypes::any_fits(const pb::Message& message, int depth, std::uint64_t& memory) const {
  if (depth > kMostDepth) return false;
  if (message.GetDescriptor()->full_name() == kAny) return packed_fits(message, depth, memory);
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (!any_fits(reflection.GetMessage(message, field), depth + 1, memory)) return false;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      const pb::Message& element = reflection.GetRepeatedMessage(message, field, i);
      if (!any_fits(element, depth + 1, memory)) return false;
    }
  }
  return true;
}

bool PayloadTypes::packed_fits(const pb::Message& any, int depth, std::uint64_t& memory) const {
  const pb::Descriptor& type = *any.GetDescriptor();
  const auto text = [&](int number) {
    return any.GetReflection()->GetString(any, type.FindFieldByNumber(number));
  };
  const std::string url = text(pb::Any::kTypeUrlFieldNumber);
  const std::string value = text(pb::Any::kValueFieldNumber);
  const Type* const packed = find(url.substr(url.rfind('/') + 1));
  // Of an unknown type it cannot be shown, and is not looked into.
  if (packed == nullptr) return true;
  const auto inside = make(*packed);
  typed::WireWalk walk(*inside, kMostDepth - depth, memory);
  if (walk.walk(as_byte_view(value)) != typed::WalkResult::fits) return false;
  memory -= std::min(memory, walk.memory_bytes() + value.size());
  return inside->ParsePartialFromString(value) && any_fits(*inside, depth + 1, memory);
}

std::string PayloadTypes::from_json(const Type& type, std::string_view json) const {
  std::string bytes;
  const auto status = pb::util::JsonToBinaryString(resolver_.get(), url_of(type),
                                                   {json.data(), json.size()}, &bytes, {});
  if (!status.ok()) throw std::runtime_error(sentence_of(status.message()));
  return bytes;
}

}  // namespace fifomq
