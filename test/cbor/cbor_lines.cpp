/// For test/cbor/peer_test.py: reads lines, and answers each with one line.
///   write LITERAL      the value's CBOR, in hexadecimal digits
///   read HEX           the value as a Python literal
///   again HEX          the value's CBOR, read and written again

#include "support/hex.hpp"

#include <valpool/valpool.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using namespace valpool;
using test::bytes_of;
using test::hex_of;

namespace {

std::string answer(const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string what = line.substr(0, space);
    const std::string rest = line.substr(space + 1);
    if (what == "write") return hex_of(to_cbor(parse(rest)));
    if (what == "read") return Stringize(from_cbor(bytes_of(rest)));
    if (what == "again") return hex_of(to_cbor(from_cbor(bytes_of(rest))));
    throw std::logic_error("what is " + what + "?");
}

}  // namespace

int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        try {
            std::cout << answer(line) << std::endl;
        } catch (const std::exception& e) {
            std::cout << "error: " << e.what() << std::endl;
        }
    }
}
