/// Reads any bytes as a value's text, or as JSON. The result must be an error, or a value that
/// survives being written and read again. For libFuzzer.

#include <valpool/valpool.hpp>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

using namespace valpool;

namespace {

[[noreturn]] void report(const char* what, const std::string& a, const std::string& b) {
    std::cerr << what << ":\n" << a << "\n" << b << "\n";
    std::abort();
}

void try_literal(std::string_view text, const parse_limits& limits) {
    Val v;
    try {
        v = parse(text, limits);
    } catch (const std::logic_error&) {
        return;
    }
    const std::string printed = Stringize(v);
    const std::string again = Stringize(parse(printed));
    if (again != printed) report("a literal did not come back", printed, again);
    const Val copy = v;
    if (Stringize(copy) != printed) report("a copy is another value", printed, Stringize(copy));
    if (v < v) report("a value is less than itself", printed, printed);
}

void try_json(std::string_view text, const parse_limits& limits) {
    Val v;
    try {
        v = from_json(text, limits);
    } catch (const std::logic_error&) {
        return;
    }
    const std::string written = to_json(v);
    const std::string again = to_json(from_json(written));
    if (again != written) report("JSON did not come back", written, again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    parse_limits limits;
    limits.depth = data[0] < 128 ? 1000 : 10;
    if (data[0] % 2 == 0)
        try_literal(text, limits);
    else
        try_json(text, limits);
    return 0;
}
