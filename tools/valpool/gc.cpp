// valpool gc: takes back now what dead processes held.

#include "command_set.hpp"
#include "json_output.hpp"
#include "look.hpp"
#include "output.hpp"
#include "words.hpp"

#include <valpool/upkeep.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool;
    bool as_json = false;
};

OTab json_of_result(const repair_result& r) {
    OTab t;
    t["has_repaired"] = r.has_repaired;
    t["used_before_bytes"] = static_cast<std::uint64_t>(r.used_before);
    t["used_after_bytes"] = static_cast<std::uint64_t>(r.used_after);
    t["biggest_free_bytes"] = static_cast<std::uint64_t>(r.biggest_free_bytes);
    t["delaying_pid"] = json_pid(r.delaying_pid);
    return t;
}

std::string text_of(const repair_result& r) {
    const std::size_t freed = r.used_before - std::min(r.used_before, r.used_after);
    return std::string(r.has_repaired ? "repaired after deaths; " : "nobody had died; ") +
           bytes_text(static_cast<double>(freed)) + " taken back, " +
           bytes_text(static_cast<double>(r.used_after)) + " in use, the largest free piece has " +
           bytes_text(static_cast<double>(r.biggest_free_bytes)) + "\n";
}

int collect(const settings& s) {
    open_pool(s.pool);  // for its message, when there is none
    const repair_result result = repair_pool(s.pool);
    if (s.as_json)
        print_json(Val(json_of_result(result)));
    else
        print(text_of(result));
    if (result.delaying_pid == 0) return exit_done;
    complain("pid " + pid_text(result.delaying_pid) +
             " is stopped in the middle of an operation and delays the repair: `kill -CONT " +
             std::to_string(result.delaying_pid) + "` lets it go on");
    return exit_found;
}

}  // namespace

void add_gc(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("gc", "takes back now what dead processes held in a pool",
                                 [s] { return collect(*s); }));
    c.word("POOL", s->pool, "name of the pool");
    c.json_flag(s->as_json);
}

}  // namespace tool
