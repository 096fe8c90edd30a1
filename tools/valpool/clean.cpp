// valpool clean: what is provably left over.

#include "command_set.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "terminal.hpp"
#include "words.hpp"

#include <valpool/monitor.hpp>
#include <valpool/upkeep.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::vector<std::string> pools;  // empty: all, and abandoned files
    bool removes = false;
    bool as_json = false;
};

struct leftovers {
    std::vector<pool_status> pools;
    std::vector<std::string> files;
};

bool is_asked_for(const settings& s, const std::string& name) {
    return s.pools.empty() || std::find(s.pools.begin(), s.pools.end(), name) != s.pools.end();
}

leftovers find_leftovers(const settings& s) {
    leftovers found;
    for (const std::string& name : Monitor::names().pools) {
        if (!is_asked_for(s, name)) continue;
        try {
            const pool_status p = Monitor(name).pool();
            if (p.is_left_over()) found.pools.push_back(p);
        } catch (const std::exception&) {
            // Damaged, of another version, somebody else's, or just removed: that proves nothing.
        }
    }
    for (const std::string& path : abandoned_files())
        if (is_asked_for(s, path.substr(path.rfind('/') + 1))) found.files.push_back(path);
    return found;
}

bool is_link(const std::string& path) {
    struct stat its {};
    return lstat(path.c_str(), &its) == 0 && S_ISLNK(its.st_mode);
}

std::string text_of(const leftovers& found) {
    std::string text;
    for (const pool_status& p : found.pools)
        text += "memory pool " + shown(p.name) + ", " +
                bytes_text(static_cast<double>(p.file_bytes)) +
                ": no process uses it, and it was not kept\n";
    for (const std::string& path : found.files)
        text += is_link(path) ? "link " + shown(path) + ": to a pool of a process that has ended\n"
                              : "file " + shown(path) +
                                    ": of a process that was killed while it made a pool\n";
    return text;
}

OTab json_of_leftovers(const leftovers& found, bool is_removed) {
    OTab t;
    Arr pools;
    for (const pool_status& p : found.pools) pools.append(json_name(p.name));
    Arr files;
    for (const std::string& path : found.files) files.append(json_name(path));
    t["pools"] = pools;
    t["files"] = files;
    t["is_removed"] = is_removed;
    return t;
}

/// What has come into use again meanwhile stays: remove_pool asks once more.
int remove_all(const leftovers& found) {
    int code = exit_done;
    for (const pool_status& p : found.pools) {
        try {
            remove_pool(p.name);
        } catch (const std::exception& failure) {
            complain(failure.what());
            code = exit_failed;
        }
    }
    for (const std::string& path : found.files)
        if (const auto still = abandoned_files();
            std::find(still.begin(), still.end(), path) != still.end() &&
            unlink(path.c_str()) != 0 && errno != ENOENT) {
            complain("cannot remove " + shown(path) + ": " + std::strerror(errno));
            code = exit_failed;
        }
    return code;
}

int clean(const settings& s) {
    const leftovers found = find_leftovers(s);
    const bool is_empty = found.pools.empty() && found.files.empty();
    if (!s.as_json) print(is_empty ? "nothing is left over\n" : text_of(found));
    int code = exit_done;
    if (s.removes) code = remove_all(found);
    if (s.as_json)
        print_json(Val(json_of_leftovers(found, s.removes && code == exit_done)));
    else if (!is_empty)
        print(s.removes ? "removed\n"
                        : "nothing has been removed: `valpool clean --yes` does it\n");
    return code;
}

}  // namespace

void add_clean(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("clean",
                                 "lists what programs that were killed have left; --yes removes it",
                                 [s] { return clean(*s); }));
    c.optional_words("POOL", s->pools, "only these pools");
    c.flag("--yes", s->removes, "remove it");
    c.json_flag(s->as_json);
}

}  // namespace tool
