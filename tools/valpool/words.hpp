#pragma once

/// Numbers as people read them.

#include <cstddef>
#include <cstdint>
#include <string>

namespace tool {

/// "512 B", "4.0 kB", "1.5 GB": in powers of 1000, as the sizes on command lines are.
std::string bytes_text(double bytes);
/// "0.3 s", "12 s", "5 min", "3 h", "2 d"; "never" for infinity, "?" for what is not known.
std::string duration_text(double seconds);
/// "12 s ago", "never".
std::string ago_text(double seconds);
/// "3 packets", "1 packet".
std::string counted(std::uint64_t count, const std::string& thing);
/// "17", "1.2k", "3.4M": for tables of rates.
std::string rate_text(double a_second);

/// The bytes of a size on a command line: "4000000", "4M", "1.5G", "64KiB". Throws usage_error.
std::size_t size_of_text(const std::string& text);

}  // namespace tool
