#include "nearest.hpp"

#include <algorithm>
#include <numeric>

namespace tool {
namespace {

/// How many letters have to be put in, left out or replaced to make b of a.
std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row[b.size()];
}

}  // namespace

std::string did_you_mean(const std::string& word, const std::vector<std::string>& names,
                         const std::string& before) {
    // Of a long word, what cannot be a slip of the fingers need not be compared.
    constexpr std::size_t longest = 40;
    if (word.size() > longest) return "";
    const std::string* nearest = nullptr;
    std::size_t least = 3;  // more is another word
    for (const std::string& name : names) {
        const bool begins_so = word.size() >= 2 && name.compare(0, word.size(), word) == 0;
        const std::size_t its = begins_so ? 1 : distance(word, name);
        if (its < least && its < name.size()) {
            least = its;
            nearest = &name;
        }
    }
    return nearest ? "; did you mean '" + before + *nearest + "'?" : "";
}

}  // namespace tool
