#pragma once

#include "base/cancellation.hpp"

#include <cstdio>
#include <memory>
#include <string>

namespace valpool::detail {

/// Reads one of the files in which the system describes itself (/proc, /sys) line by line, until
/// `use` returns false. Returns false when the file does not exist or cannot be opened.
template <class Use>
bool for_each_line(const std::string& path, Use use) {
    const no_cancellation guard;
    const auto close = [](std::FILE* file) { std::fclose(file); };
    const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "re"), close);
    if (!file) return false;
    char line[4096];
    while (std::fgets(line, sizeof line, file.get()) && use(static_cast<const char*>(line))) {
    }
    return true;
}

}  // namespace valpool::detail
