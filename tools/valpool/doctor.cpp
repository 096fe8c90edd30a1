// valpool doctor: what of this machine will bite, and what to type.

#include "command_set.hpp"
#include "json_output.hpp"
#include "machine.hpp"
#include "output.hpp"
#include "terminal.hpp"

#include <memory>
#include <vector>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    bool as_json = false;
};

const char* word_for(verdict v) {
    switch (v) {
        case verdict::good: return "ok";
        case verdict::note: return "note";
        case verdict::bad: return "BAD";
    }
    return "";
}

style style_of(verdict v) {
    switch (v) {
        case verdict::good: return style::good;
        case verdict::note: return style::warning;
        case verdict::bad: return style::bad;
    }
    return style::plain;
}

void print_checks(const std::vector<machine_check>& checks) {
    for (const machine_check& c : checks) {
        const std::string word = word_for(c.result);
        print(styled(word, style_of(c.result)) + std::string(6 - word.size(), ' ') + c.text + "\n");
        if (!c.advice.empty()) print("      try: " + c.advice + "\n");
    }
}

void print_checks_as_json(const std::vector<machine_check>& checks) {
    Arr all;
    for (const machine_check& c : checks) {
        OTab t;
        t["check"] = c.name;
        t["result"] = c.result == verdict::bad ? "bad" : word_for(c.result);
        t["text"] = json_text(c.text);
        t["advice"] = c.advice.empty() ? Val() : json_text(c.advice);
        all.append(Val(t));
    }
    OTab result;
    result["checks"] = all;
    print_json(Val(result));
}

int examine(const settings& s) {
    const std::vector<machine_check> checks = check_machine();
    if (s.as_json)
        print_checks_as_json(checks);
    else
        print_checks(checks);
    for (const machine_check& c : checks)
        if (c.result == verdict::bad) return exit_found;
    return exit_done;
}

}  // namespace

void add_doctor(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add(
        "doctor", "examines the machine: limits, /dev/shm, permissions; says what will bite",
        [s] { return examine(*s); }));
    c.json_flag(s->as_json);
}

}  // namespace tool
