// Looking at XML without a library for it.
#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <string>
#include <vector>

namespace lq::testing {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  ///< up to the first child
};

/// The elements of a document in order, or a message about what is not well-formed.
/// Understands what drawings consist of: no comments, no CDATA, no document types.
class XmlReader {
 public:
  explicit XmlReader(const std::string& document) : text_(document) {
    if (text_.starts_with("<?xml ")) position_ = text_.find("?>") + 2;
    while (error_.empty() && position_ < text_.size()) read_next();
    if (error_.empty() && !open_.empty()) error_ = "<" + open_.back() + "> is not closed";
    if (error_.empty() && elements_.empty()) error_ = "no element";
  }

  const std::string& error() const { return error_; }
  const std::vector<XmlElement>& elements() const { return elements_; }

 private:
  void read_next() {
    const std::size_t tag = text_.find('<', position_);
    const std::string content = text_.substr(position_, tag - position_);
    if (!is_escaped(content)) error_ = "bad text '" + content + "'";
    const bool is_blank = content.find_first_not_of(" \n") == std::string::npos;
    if (open_.empty() && !is_blank) error_ = "text outside of elements";
    if (!elements_.empty() && elements_.back().text.empty()) elements_.back().text = content;
    if (tag == std::string::npos) {
      position_ = text_.size();
      return;
    }
    const std::size_t end = text_.find('>', tag);
    if (end == std::string::npos) {
      error_ = "a tag is not closed";
      return;
    }
    read_tag(text_.substr(tag + 1, end - tag - 1));
    position_ = end + 1;
  }

  void read_tag(std::string tag) {
    if (tag.starts_with("/")) {
      if (open_.empty() || open_.back() != tag.substr(1)) {
        error_ = "<" + tag + "> closes nothing";
      } else {
        open_.pop_back();
      }
      return;
    }
    const bool closes_itself = tag.ends_with("/");
    if (closes_itself) tag.pop_back();
    if (open_.empty() && !elements_.empty()) error_ = "more than one root";
    XmlElement element;
    std::size_t at = 0;
    element.name = read_name(tag, at);
    if (element.name.empty()) error_ = "bad tag <" + tag + ">";
    while (error_.empty() && at < tag.size()) read_attribute(tag, at, element);
    if (!closes_itself) open_.push_back(element.name);
    elements_.push_back(std::move(element));
  }

  /// ` name="value"` at position `at`, which then lies behind it.
  void read_attribute(const std::string& tag, std::size_t& at, XmlElement& element) {
    const bool has_space = tag[at++] == ' ';
    const std::string name = read_name(tag, at);
    const bool has_quote = tag.compare(at, 2, "=\"") == 0;
    const std::size_t end = has_quote ? tag.find('"', at + 2) : std::string::npos;
    if (!has_space || name.empty() || end == std::string::npos) {
      error_ = "bad tag <" + tag + ">";
      return;
    }
    const std::string value = tag.substr(at + 2, end - at - 2);
    if (value.find('<') != std::string::npos || !is_escaped(value)) error_ = "bad value " + value;
    if (!element.attributes.emplace(name, value).second) error_ = name + " occurs twice";
    at = end + 1;
  }

  static std::string read_name(const std::string& tag, std::size_t& at) {
    const std::size_t begin = at;
    auto in_name = [](unsigned char c) { return std::isalnum(c) != 0 || c == ':' || c == '-'; };
    while (at < tag.size() && in_name(static_cast<unsigned char>(tag[at]))) ++at;
    return tag.substr(begin, at - begin);
  }

  /// Whether every & begins an entity.
  static bool is_escaped(const std::string& content) {
    for (auto at = content.find('&'); at != std::string::npos; at = content.find('&', at + 1)) {
      bool is_entity = false;
      for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;"}) {
        is_entity = is_entity || content.compare(at, std::string(entity).size(), entity) == 0;
      }
      if (!is_entity) return false;
    }
    return true;
  }

  std::string text_;
  std::size_t position_ = 0;
  std::vector<std::string> open_;
  std::vector<XmlElement> elements_;
  std::string error_;
};

inline ::testing::AssertionResult is_well_formed_xml(const std::string& document) {
  const XmlReader reader(document);
  if (reader.error().empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << reader.error();
}

}  // namespace lq::testing
