// Text for people to read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lq::apps {

/// Rows of cells in columns that are as wide as they must be, two spaces apart.
class TextTable {
 public:
  enum class Align : unsigned char { left, right };
  struct Column {
    std::string title;
    Align align = Align::right;
  };

  explicit TextTable(std::vector<Column> columns);

  /// As many cells as there are columns; missing ones at the end are empty.
  void add_row(std::vector<std::string> cells);
  /// A line across the table.
  void add_rule();

  /// Title line, rule and rows, each with a line feed and without spaces at its end.
  std::string str() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  // no cells: a rule
};

/// "1,234,567".
std::string with_separators(std::int64_t number);

/// "1 thread", "2 threads".
std::string counted(std::int64_t number, std::string_view noun);

/// "1.03 MiB", "84.2 KiB" or "840 B": three significant digits.
std::string readable_bytes(std::int64_t bytes);

}  // namespace lq::apps
