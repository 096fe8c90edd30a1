// Looks on: prints what passes a pipe, without taking it. The programs that use the pipe need not
// know, and need not be there yet.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <iostream>
#include <string>

using namespace valpool;

namespace {

const char usage[] =
    "usage: tap_ex POOL PIPE [options]\n"
    "Prints the packets that are put into the pipe PIPE of the memory pool POOL from now on,\n"
    "until the end mark. The packets stay in the pipe. The pipe need not exist yet.\n"
    "  --depth N       keep up to N packets until they are printed (default 64); what is not\n"
    "                  printed in time is counted\n"
    "  --bytes N       and up to N bytes of memory (default 0: as many as that takes)\n"
    "example: tap_ex mempool pipe1\n";

struct settings {
    std::string pool, pipe;
    long long depth = 64;
    long long most_bytes = 0;
};

int look_on(const settings& s) {
    watch_for_interrupts();
    Tap tap(s.pool, s.pipe, static_cast<std::size_t>(s.depth),
            static_cast<std::size_t>(s.most_bytes));
    std::cout << "looking at " << s.pipe << std::endl;
    long long count = 0;
    while (!was_interrupted()) {
        Val packet;
        if (!tap.next(0.2, packet)) continue;
        if (packet.isNone()) break;
        std::cout << packet << "\n";
        ++count;
    }
    std::cout << "saw " << count << " packets, missed " << tap.missed() << "\n";
    return was_interrupted() ? exit_interrupted : 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.text("PIPE", s.pipe);
    line.integer("--depth", s.depth, 1LL);
    line.integer("--bytes", s.most_bytes, 0LL);
    return run_program(line, argc, argv, [&] { return look_on(s); });
}
