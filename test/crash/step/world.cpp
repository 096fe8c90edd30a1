#include "crash/step/world.hpp"

#include <stdexcept>

#include <sys/prctl.h>
#include <unistd.h>

namespace valpool::test {

namespace {

/// For processes that live for ever: they end with the process that has started them, however that
/// ends.
void be_an_inhabitant() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    use_all_processors();
}

}  // namespace

mortal::mortal(const std::string& pool) {
    line ready;
    process_.emplace([&] {
        be_an_inhabitant();
        ready.be_the_second();
        ServerSide own(pool, "own", 2);
        own.start();
        std::vector<Val> kept;
        for (int i = 0; i < 6; ++i) kept.push_back(Shared(own.pool(), Tab{{"i", i}}));
        own.pool()->allocate(100);
        ready.say("ready");
        for (;;) pause();
        return 0;
    });
    ready.be_the_first();
    std::string text;
    if (ready.hear(text, 30) != line::answer::came)
        throw std::runtime_error("HANG: a process cannot attach; ");
}

void mortal::die() { process_->kill_and_wait(); }

world::world() : name_("steps") {
    board_->patience_s = 10;
    stay_on_one_processor();
    keeper_.emplace([this] {
        be_an_inhabitant();
        line_.be_the_second();
        return keeper(name_, *board_).serve(line_);
    });
    line_.be_the_first();
    if (answer(30) != "") throw std::runtime_error("the keeper did not start");
    sleeper_.emplace([this] {
        be_an_inhabitant();
        return sleep_and_count(name_, *board_);
    });
    const std::string complaint = ask("judge");
    if (!complaint.empty()) throw std::runtime_error("a new pool: " + complaint);
}

void world::expect(const std::set<std::string>& states) {
    std::string joined = "states";
    for (const std::string& state : states) joined.append(state).push_back('\0');
    ask(joined);
}

void world::order(const std::string& order) {
    order_ = order.substr(0, order.find('\0'));
    line_.say(order);
}

std::optional<std::string> world::answer(double most_seconds) {
    std::string text;
    switch (line_.hear(text, most_seconds)) {
        case line::answer::came: return text;
        case line::answer::late: return std::nullopt;
        default: break;
    }
    return "the keeper died (" + std::to_string(keeper_->wait()) + ") when asked to " + order_;
}

std::string world::ask(const std::string& what, double most_seconds) {
    order(what);
    return answer(most_seconds).value_or("HANG: the keeper, asked to " + order_ + "; ");
}

std::unique_ptr<victim> world::start(const operation& op) {
    if (op.after_a_death) have_somebody_die();
    return std::make_unique<victim>([this, &op](const victim::marks& marks) {
        victim_life life(name_, *board_);
        live_through(op, life, marks);
    });
}

void world::have_somebody_die() { mortal(name_).die(); }

std::set<std::string> find_states(world& w, const operation& op) {
    line back;
    child finder([&] {
        back.be_the_second();
        victim_life life(w.name(), w.board());
        for (const std::string& state : states_of(op, life)) back.say(state);
        return 0;
    });
    back.be_the_first();
    std::set<std::string> states;
    std::string text;
    while (back.hear(text, 30) == line::answer::came) states.insert(text);
    if (finder.wait() != 0) throw std::runtime_error(op.name + " does not come to its end");
    return states;
}

}  // namespace valpool::test
