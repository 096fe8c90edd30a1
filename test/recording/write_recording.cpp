/// For official_reader.sh: writes a recording, and prints what a reader must find in it.
///   write_recording FILE COMPRESSION

#include "support/hex.hpp"

#include "mcap/writer.hpp"

#include <valpool/valpool.hpp>

#include <cstdint>
#include <iostream>
#include <string>

namespace {

void write(const std::string& path, const std::string& compression) {
    mcap::writer w(mcap::output_file(path, true), {"", "test", compression, 3000});
    w.add_metadata({"valpool", {{"pool", "p"}}});
    const auto schema = w.add_schema("packet", "jsonschema", "{}");
    const auto cbor = w.add_channel(0, "a pipe", "cbor");
    const auto json = w.add_channel(schema, "b", "json", {{"k", "v"}});
    for (std::uint32_t i = 0; i < 500; ++i) {
        const valpool::Val packet = valpool::Tab{{"i", i}, {"text", std::string(i % 50, 'x')}};
        const bool is_json = i % 3 == 0;
        const std::string data = is_json ? valpool::to_json(packet) : valpool::to_cbor(packet);
        const mcap::time_ns time = 1700000000000000000 + i * 1000;
        w.add({is_json ? json : cbor, i, time, time, data});
        std::cout << time << (is_json ? " b json " : " a pipe cbor ") << i << ' '
                  << valpool::test::hex_of(data) << '\n';
    }
    w.close();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    write(argv[1], argv[2] == std::string("none") ? "" : argv[2]);
}
