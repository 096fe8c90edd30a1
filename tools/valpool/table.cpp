#include "table.hpp"

#include <algorithm>

namespace tool {
namespace {

constexpr std::size_t gap = 2;               // between columns
constexpr std::size_t narrowest_shrunk = 8;  // less of a name says nothing

std::string padded(const cell& c, std::size_t width, align side) {
    const std::string text = shortened(c.text, width);
    const std::string padding(width - std::min(width, display_width(text)), ' ');
    const std::string seen = styled(text, c.how);
    return side == align::right ? padding + seen : seen + padding;
}

template <class List>
void erase_at(List& list, std::size_t i) {
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
}

}  // namespace

std::size_t table::width_of(std::size_t i) const {
    if (shrunk_to_[i] != 0) return shrunk_to_[i];
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i].text));
    return width;
}

std::size_t table::total_width() const {
    std::size_t total = gap * (columns_.size() - 1);
    for (std::size_t i = 0; i < columns_.size(); ++i) total += width_of(i);
    return total;
}

void table::remove_column(std::size_t i) {
    erase_at(columns_, i);
    erase_at(shrunk_to_, i);
    for (auto& row : rows_) erase_at(row, i);
}

void table::remove_empty_columns() {
    for (std::size_t i = columns_.size(); i-- > 1;)
        if (std::all_of(rows_.begin(), rows_.end(),
                        [i](const auto& row) { return row[i].text.empty(); }))
            remove_column(i);
}

/// False when the table is too wide all the same; then nothing has changed.
bool table::fit(std::size_t columns) {
    table tried = *this;
    for (std::size_t i = 0; i < columns_.size() && tried.total_width() > columns; ++i) {
        if (columns_[i].if_narrow != column::narrow::shrinks) continue;
        const std::size_t excess = tried.total_width() - columns;
        const std::size_t width = width_of(i);
        const std::size_t least = std::min(width, narrowest_shrunk);
        tried.shrunk_to_[i] = width > least + excess ? width - excess : least;
    }
    for (std::size_t i = columns_.size(); i-- > 0 && tried.total_width() > columns;)
        if (columns_[i].if_narrow == column::narrow::goes) tried.remove_column(i);
    if (tried.total_width() > columns) return false;
    *this = std::move(tried);
    return true;
}

std::string table::line(const std::vector<cell>& row,
                        const std::vector<std::size_t>& widths) const {
    std::string result;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i != 0) result += std::string(gap, ' ');
        result += padded(row[i], widths[i], columns_[i].side);
    }
    result.erase(result.find_last_not_of(' ') + 1);
    return result + "\n";
}

std::string table::as_table() const {
    std::vector<cell> titles;
    for (const column& c : columns_) titles.emplace_back(c.title, style::bold);
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) widths.push_back(width_of(i));
    std::string result = line(titles, widths);
    for (const auto& row : rows_) result += line(row, widths);
    return result;
}

std::string table::as_list(std::size_t columns) const {
    std::string result;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (row[i].text.empty()) continue;
            const std::string title = (i == 0 ? "" : "  ") + columns_[i].title + " ";
            const std::string start = shortened(title, columns);
            const std::size_t left = columns - std::min(columns, display_width(start));
            result += styled(start, style::dim) +
                      styled(shortened(row[i].text, std::max<std::size_t>(left, 1)), row[i].how) +
                      "\n";
        }
    }
    return result;
}

std::string table::text(std::size_t columns) const {
    table shown = *this;
    shown.remove_empty_columns();
    return columns == 0 || shown.fit(columns) ? shown.as_table() : shown.as_list(columns);
}

}  // namespace tool
