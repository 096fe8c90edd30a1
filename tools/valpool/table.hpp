#pragma once

/// Tables for terminals.

#include "terminal.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace tool {

enum class align { left, right };

struct column {
    std::string title;
    align side = align::left;
    // Where the terminal is narrow:
    enum class narrow { stays, shrinks, goes } if_narrow = narrow::stays;
};

/// A cell's text has no control characters; see shown().
struct cell {
    std::string text;
    style how = style::plain;

    cell(std::string its_text, style its_style = style::plain)
        : text(std::move(its_text)), how(its_style) {}
    cell(const char* its_text) : text(its_text) {}
};

class table {
public:
    explicit table(std::vector<column> columns)
        : columns_(std::move(columns)), shrunk_to_(columns_.size()) {}

    /// As many cells as there are columns.
    void add(std::vector<cell> row) { rows_.push_back(std::move(row)); }
    bool is_empty() const noexcept { return rows_.empty(); }

    /// In lines of at most so many columns; 0: of any width. Columns without any text are left out.
    /// If the table does not fit, its columns that may shrink do, and then those go that may, the
    /// last one first. If it still does not fit, each cell gets a line of its own.
    std::string text(std::size_t columns) const;
    std::string text() const { return text(terminal_columns()); }

private:
    bool fit(std::size_t columns);
    void remove_column(std::size_t i);
    void remove_empty_columns();
    std::size_t width_of(std::size_t i) const;
    std::size_t total_width() const;
    std::string line(const std::vector<cell>& row, const std::vector<std::size_t>& widths) const;
    std::string as_table() const;
    std::string as_list(std::size_t columns) const;

    std::vector<column> columns_;
    std::vector<std::size_t> shrunk_to_;  // by column; 0: not
    std::vector<std::vector<cell>> rows_;
};

}  // namespace tool
