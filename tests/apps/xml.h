// Looking at XML without a library for it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <regex>
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
    static const std::regex allowed("([^&>]|&(amp|lt|gt|quot|#[0-9]+);)*");
    if (!std::regex_match(content, allowed)) error_ = "bad text '" + content + "'";
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
    static const std::regex form("([A-Za-z]+)((?: [A-Za-z0-9:-]+=\"[^\"<>]*\")*)");
    std::smatch match;
    if (!std::regex_match(tag, match, form)) {
      error_ = "bad tag <" + tag + ">";
      return;
    }
    if (open_.empty() && !elements_.empty()) error_ = "more than one root";
    XmlElement element{.name = match[1]};
    static const std::regex attribute(" ([A-Za-z0-9:-]+)=\"([^\"]*)\"");
    const std::string list = match[2];
    for (std::sregex_iterator at(list.begin(), list.end(), attribute), end; at != end; ++at) {
      if (!element.attributes.emplace((*at)[1], (*at)[2]).second) error_ = "attribute twice";
    }
    if (!closes_itself) open_.push_back(element.name);
    elements_.push_back(std::move(element));
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
