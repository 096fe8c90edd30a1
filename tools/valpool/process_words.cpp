#include "process_words.hpp"

#include "diagnosis.hpp"
#include "look.hpp"

#include <algorithm>

namespace tool {

using namespace valpool;

std::string joined(const std::vector<std::string>& parts) {
    std::string all;
    for (std::size_t i = 0; i < parts.size(); ++i)
        all += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return all;
}

const process_status* process_words::find(int pid) const {
    for (const process_status& p : seen_.processes)
        if (p.pid == pid && !p.is_parent_of_holders) return &p;
    return nullptr;
}

std::string process_words::who(int pid) const {
    const process_status* const p = find(pid);
    return "pid " + (p ? process_text(*p) : std::to_string(pid));
}

bool process_words::has_gone(int pid) const {
    const process_status* const p = find(pid);
    return !p || !p->is_alive;
}

std::string process_words::obstacle_of(int pid) const {
    const process_status* const p = find(pid);
    if (!p) return "has left the pool";
    if (!p->is_alive) return "has died";
    switch (p->state) {
        case 't': return "is stopped by a debugger (t)";
        case 'T': return "is stopped (T)";
        case 'Z': return "has ended, and its parent has not noticed (Z)";
        case 'D': return "waits for a disk or a network drive (D)";
        default: return "";
    }
}

std::string process_words::cure_of(int pid) const {
    if (has_gone(pid)) return "start a new one";
    const std::string number = std::to_string(pid);
    switch (find(pid)->state) {
        case 't': return "go on in the debugger";
        case 'T':
            return "`kill -CONT " + number + "` lets it go on; `kill -KILL " + number + "` ends it";
        default: return "";
    }
}

bool process_words::has_open(const process_status& p, const std::string& pipe) {
    return std::find(p.open_pipes.begin(), p.open_pipes.end(), pipe) != p.open_pipes.end();
}

std::string process_words::other_wait_of(int pid, const std::string& except) const {
    const auto has = [pid](const auto& pids) {
        return std::find(pids.begin(), pids.end(), pid) != pids.end();
    };
    for (const pipe_status& p : seen_.pipes) {
        if (p.name == except) continue;
        if (has(p.waiting_writers)) return "itself waits for room in " + shown(p.name);
        if (has(p.waiting_readers)) return "itself waits for a packet in " + shown(p.name);
    }
    return "";
}

}  // namespace tool
