#include "words.hpp"

#include "command_set.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace tool {
namespace {

std::string with_digits(double number, int digits) {
    std::array<char, 64> text{};
    const int size = std::snprintf(text.data(), text.size(), "%.*f", digits, number);
    return std::string(text.data(), static_cast<std::size_t>(size));
}

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Two digits that say something.
std::string short_number(double number) { return with_digits(number, number < 9.95 ? 1 : 0); }

}  // namespace

std::string bytes_text(double bytes) {
    constexpr std::array units{"kB", "MB", "GB", "TB", "PB"};
    if (bytes < 1000) return with_digits(bytes, 0) + " B";
    std::size_t unit = 0;
    for (bytes /= 1000; bytes >= 999.5 && unit + 1 < units.size(); bytes /= 1000) ++unit;
    return short_number(bytes) + " " + units.at(unit);
}

std::string duration_text(double seconds) {
    if (std::isnan(seconds) || seconds < 0) return "?";
    if (std::isinf(seconds)) return "never";
    if (seconds < 9.95) return with_digits(seconds, 1) + " s";
    if (seconds < 120) return with_digits(seconds, 0) + " s";
    if (seconds < 7200) return with_digits(std::floor(seconds / 60), 0) + " min";
    if (seconds < 172800) return with_digits(std::floor(seconds / 3600), 0) + " h";
    return with_digits(std::floor(seconds / 86400), 0) + " d";
}

std::string ago_text(double seconds) {
    const std::string duration = duration_text(seconds);
    return duration == "never" ? duration : duration + " ago";
}

std::string counted(std::uint64_t count, const std::string& thing) {
    const bool has_es = !thing.empty() && (thing.back() == 's' || thing.back() == 'x');
    return std::to_string(count) + " " + thing + (count == 1 ? "" : has_es ? "es" : "s");
}

std::string rate_text(double a_second) {
    if (a_second < 0.05) return "0";
    if (a_second < 1000) return short_number(a_second);
    if (a_second < 999500) return short_number(a_second / 1e3) + "k";
    return short_number(a_second / 1e6) + "M";
}

std::size_t size_of_text(const std::string& text) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const std::string unit(end);
    const std::string letters = "kmgt";
    double factor = 1;
    if (!unit.empty() && unit != "B") {
        const std::size_t power = letters.find(lower_case(unit[0])) + 1;
        const std::string rest = unit.substr(1);
        const bool is_binary = rest == "i" || rest == "iB" || rest == "ib";
        if (power == 0 || !(is_binary || rest.empty() || rest == "B" || rest == "b"))
            throw usage_error("'" + text + "' is no size; sizes are like 4000000, 4M or 64KiB");
        factor = std::pow(is_binary ? 1024.0 : 1000.0, static_cast<double>(power));
    }
    constexpr double most = 9e18;
    const double bytes = number * factor;
    if (end == text.c_str() || !(bytes >= 1) || bytes > most)
        throw usage_error("'" + text + "' is no size; sizes are like 4000000, 4M or 64KiB");
    return static_cast<std::size_t>(bytes);
}

}  // namespace tool
