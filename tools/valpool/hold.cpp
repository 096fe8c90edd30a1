// valpool main: holds a pool for as long as it runs, as a service does.

#include "command_set.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "service.hpp"
#include "terminal.hpp"
#include "words.hpp"

#include <valpool/shm_main.hpp>

#include <memory>
#include <string>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool, bytes;
    bool keeps = false;
    bool begins_anew = false;
    bool is_for_group = false;
    bool wants_huge_pages = false;
    bool is_prefaulted = false;
};

void apply(const settings& s, SHMMain& pool) {
    pool.keep(s.keeps);
    pool.beginAnew(s.begins_anew);
    pool.shareWithGroup(s.is_for_group);
    pool.hugePages(s.wants_huge_pages);
    pool.prefault(s.is_prefaulted);
}

/// Others can remove the pool's name, as systemd does when a user logs out. Then nobody can attach
/// until it is restored.
void guard_name(SHMMain& pool, const std::string& name) {
    if (pool.hasName()) return;
    try {
        pool.start();
        complain("memory pool \"" + shown(name) + "\" had lost its name; restored");
    } catch (const std::runtime_error& failure) {
        complain(failure.what());
    }
}

int hold_pool(const settings& s) {
    const std::size_t bytes = size_of_text(s.bytes);
    SHMMain pool(s.pool, bytes, was_interrupted, 50000);
    apply(s, pool);
    if (pool.start() != STARTED) return interrupted_exit_code();
    complain("memory pool \"" + shown(s.pool) + "\" has " + std::to_string(bytes) + " bytes; " +
             (s.keeps ? "it stays when this ends" : "it goes when this ends"));
    tell_service_manager("READY=1\nSTATUS=holds memory pool " + shown(s.pool));
    constexpr double look_s = 1;
    while (sleep_unless_interrupted(look_s)) guard_name(pool, s.pool);
    tell_service_manager("STOPPING=1");
    // A signal is how this ends.
    return exit_done;
}

}  // namespace

void add_main(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(
        commands.add("main", "makes a pool, or takes one up, and holds it until Ctrl-C or SIGTERM",
                     [s] { return hold_pool(*s); }));
    c.word("POOL", s->pool, "name of the pool");
    c.word("BYTES", s->bytes, "size, such as 4000000, 4M or 64KiB");
    c.flag("--keep", s->keeps, "leave the pool, and what is in it, when this ends");
    c.flag("--anew", s->begins_anew, "remove a pool that was kept, or that others use");
    c.flag("--group", s->is_for_group, "let processes of this user's group attach");
    c.flag("--huge-pages", s->wants_huge_pages, "ask the system for huge pages");
    c.flag("--prefault", s->is_prefaulted, "touch all its memory now");
}

}  // namespace tool
