/// Reads any bytes as CBOR. The result must be an error, or a value that survives being written and
/// read again. For libFuzzer.

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

void check_value(const Val& v) {
    const std::string bytes = to_cbor(v);
    const Val again = from_cbor(bytes);
    if (Stringize(again) != Stringize(v))
        report("a value did not come back", Stringize(v), Stringize(again));
    if (to_cbor(again) != bytes) report("a value is written in two ways", Stringize(v), "");
}

/// A sequence of items must be read as the first of them, each cut must need more bytes, and the
/// item alone must be the same value.
void check_sequence(std::string_view bytes, const parse_limits& limits) {
    Val v;
    const std::size_t taken = read_cbor(bytes, v, limits);
    if (taken == 0) return;
    if (taken > bytes.size()) report("more was taken than there is", std::to_string(taken), "");
    if (Stringize(from_cbor(bytes.substr(0, taken), limits)) != Stringize(v))
        report("an item alone is another value", Stringize(v), "");
    Val part;
    if (read_cbor(bytes.substr(0, taken / 2), part, limits) != 0)
        report("a part of an item is an item", Stringize(v), Stringize(part));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    parse_limits limits;
    limits.depth = data[0] < 128 ? 1000 : 10;
    limits.size_bytes = data[0] % 2 == 0 ? 1 << 20 : 64;
    try {
        check_sequence(bytes, limits);
        check_value(from_cbor(bytes, limits));
    } catch (const std::logic_error&) {
    }
    return 0;
}
