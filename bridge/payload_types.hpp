// Message types that a user has descriptors of, and payloads of these types to JSON and back.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/type_resolver.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <fifomq/message.hpp>

namespace fifomq {

class PayloadTypes {
 public:
  using Type = google::protobuf::Descriptor;

  // A google.protobuf.FileDescriptorSet, as `protoc --descriptor_set_out` writes it. Throws
  // ConfigError, with `where` in front.
  PayloadTypes(const std::string& where, std::string file);
  ~PayloadTypes();
  PayloadTypes(const PayloadTypes&) = delete;
  PayloadTypes& operator=(const PayloadTypes&) = delete;
  PayloadTypes(PayloadTypes&&) = delete;
  PayloadTypes& operator=(PayloadTypes&&) = delete;

  // Null when there is none of that full name.
  const Type* find(std::string_view name) const;
  // "there is no type 'X' in FILE; did you mean 'Y'?"
  std::string not_found(std::string_view name) const;

  // The payload as Protobuf JSON on one line. In bounded memory and depth, whatever it is. Throws
  // Error, without an endpoint.
  std::string to_json(const Type& type, const MessageView& message) const;
  // JSON as a payload of that type. Throws std::runtime_error with a sentence.
  std::string from_json(const Type& type, std::string_view json) const;

 private:
  void take(const google::protobuf::FileDescriptor& file);
  void take(const Type& type);
  std::unique_ptr<google::protobuf::Message> make(const Type& type) const;
  bool any_fits(const google::protobuf::Message& message, int depth, std::uint64_t& memory) const;
  bool packed_fits(const google::protobuf::Message& any, int depth, std::uint64_t& memory) const;

  const std::string file_;
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::map<std::string, const Type*, std::less<>> types_;
  std::unique_ptr<google::protobuf::DynamicMessageFactory> factory_;
  std::unique_ptr<google::protobuf::util::TypeResolver> resolver_;
  bool has_any_ = false;
};

}  // namespace fifomq
