#include "crash/step/sweep.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace valpool::test {
namespace {

double now_s() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

/// A call that has not returned by then is assumed to wait for the stopped process, which is then
/// continued. A wrong assumption costs nothing but the rest of this trial.
constexpr double seconds_until_one_waits = 0.5;

/// All the N that are always tried take less time, unless others wait at most of them.
constexpr double most_seconds_for_always = 8;

/// After so many bad trials, the rest would show the same, and each may cost the time of a hang.
long most_bad() { return extent_wanted() == extent::sampled ? 1 : 4; }

std::vector<long> joined(const std::vector<long>& some, const std::vector<long>& more) {
    std::vector<long> all;
    std::set_union(some.begin(), some.end(), more.begin(), more.end(), std::back_inserter(all));
    return all;
}

std::vector<long> without(const std::vector<long>& all, const std::vector<long>& some) {
    std::vector<long> left;
    std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(left));
    return left;
}

/// Where the pool does not change, a death is the same as one at the last change. Some of these
/// places are tried nevertheless.
std::vector<long> spread(long length) {
    constexpr long count = 24;
    std::vector<long> at;
    for (long i = 0; i <= count; ++i) at.push_back(length * i / count);
    return at;
}

std::set<std::string> try_undisturbed(const operation& op) {
    world w;
    const auto states = find_states(w, op);
    w.expect(states);
    const std::string complaint = w.ask("judge");
    if (!complaint.empty()) throw std::runtime_error(op.name + ", undisturbed: " + complaint);
    return states;
}

known_operation record(const operation& op) {
    known_operation known;
    known.states = try_undisturbed(op);
    world w;
    w.expect(known.states);
    // It would wake up in the middle of the recording, which takes long, and repair the pool. For
    // the operation "wake" it must sleep.
    const bool is_waking = op.name == "wake";
    if (!is_waking) w.hold_sleeper();
    const auto v = w.start(op);
    pool_view view(w.path());
    known.run = v->record(view);
    if (!is_waking) w.let_sleeper_go();
    std::string end = v->finish();
    end += w.ask("judge");
    if (!end.empty()) throw std::runtime_error(op.name + ", recorded: " + end);
    return known;
}

}  // namespace

const char* name_of(mode m) {
    switch (m) {
        case mode::kill: return "kill";
        case mode::unrepaired: return "unrepaired";
        case mode::pair: return "pair";
        default: return "stop";
    }
}

extent extent_wanted() {
    if (from_environment("VALPOOL_STEP_EVERY", 0) != 0) return extent::every;
    return from_environment("VALPOOL_STEP_FULL", 0) != 0 ? extent::stores : extent::sampled;
}

const known_operation& know(const operation& op) {
    static std::map<std::string, known_operation> all;
    const auto found = all.find(op.name);
    return found != all.end() ? found->second : all.emplace(op.name, record(op)).first->second;
}

sweep::sweep(mode m, const operation& op, unsigned long seed)
    : mode_(m), op_(op), known_(know(op)), random_(static_cast<std::mt19937::result_type>(seed)) {
    renew();
}

void sweep::renew() {
    is_answer_due_ = false;
    world_.reset();
    world_ = std::make_unique<world>();
    world_->expect(known_.states);
}

tally sweep::run(double seconds, const std::function<void(const std::string&)>& complain) {
    complain_ = complain;
    const candidates all = find_candidates();
    tally_.candidates = static_cast<long>(all.always.size() + all.others.size());
    const bool is_sampled = extent_wanted() == extent::sampled;
    const double now = now_s();
    const double until = is_sampled ? now + seconds : 1e300;
    if (mode_ == mode::pair) {  // too many N would always have to be tried
        try_sample(joined(all.always, all.others), until);
        return tally_;
    }
    try_sample(all.always, is_sampled ? now + most_seconds_for_always : 1e300);
    try_sample(all.others, until);
    return tally_;
}

sweep::candidates sweep::find_candidates() const {
    const recording& run = known_.run;
    if (extent_wanted() == extent::every) {
        candidates all;
        for (long n = 0; n <= run.length(); ++n) all.always.push_back(n);
        return all;
    }
    const std::vector<long> always = joined({0, run.length()}, run.calls);
    std::vector<long> others = joined(run.stores, spread(run.length()));
    if (op_.in_waits) others = joined(others, run.in_libc);
    return {always, without(others, always)};
}

/// Tries as many of them as the time allows. The stride of the golden ratio spreads them evenly,
/// however many they are. The start is random.
void sweep::try_sample(const std::vector<long>& others, double until_s) {
    const std::size_t count = others.size();
    if (count == 0) return;
    auto stride = static_cast<std::size_t>(static_cast<double>(count) * 0.618) | 1;
    while (std::gcd(stride, count) != 1) stride += 2;  // so that each is tried once
    std::size_t at = random_() % count;
    for (std::size_t i = 0; i < count && tally_.bad < most_bad(); ++i) {
        try_one(others[at]);
        if (i >= 2 && now_s() >= until_s) return;
        at = (at + stride) % count;
    }
}

void sweep::try_one(long n) {
    ++tally_.tried;
    if (op_.in_a_new_pool) renew();
    std::string wrong;
    try {
        switch (mode_) {
            case mode::pair: wrong = kill_pair_at(n); break;
            case mode::stop: wrong = stop_at(n); break;
            default: wrong = kill_at(n); break;
        }
    } catch (const std::exception& e) {
        wrong = e.what();
    }
    if (wrong.empty()) return;
    ++tally_.bad;
    complain_(op_.name + ", " + name_of(mode_) + " after " + std::to_string(n) +
              " instructions: " + wrong);
    renew();
}

/// True when the process had not ended before and was killed.
bool sweep::kill_after(const operation& op, const recording& run, long n, std::string& wrong) {
    const auto v = world_->start(op);
    const bool is_there = v->run(run, n);
    if (is_there)
        v->kill();
    else
        wrong += v->finish();
    return is_there;
}

std::string sweep::kill_at(long n) {
    constexpr const char* orders[] = {"judge after reading", "judge after locking",
                                      "judge after changing"};
    std::string wrong;
    if (kill_after(op_, known_.run, n, wrong)) ++tally_.reached;
    return wrong + world_->ask(mode_ == mode::kill ? "judge" : orders[n % 3]);
}

std::string sweep::kill_pair_at(long n) {
    static const operation& attach = find_operation("attach");
    const recording& repair = know(find_operation("attach_and_repair")).run;
    // Mostly at instructions where the second process changes something.
    const auto& stores = repair.stores;
    const long m = random_() % 4 != 0 ? stores[random_() % stores.size()]
                                      : static_cast<long>(random_() % repair.stops.size());
    std::string wrong;
    const bool is_first_killed = kill_after(op_, known_.run, n, wrong);
    const bool is_second_killed = kill_after(attach, repair, m, wrong);
    if (is_first_killed && is_second_killed) ++tally_.reached;
    wrong += world_->ask("judge");
    return wrong.empty() ? "" : "and a second one after " + std::to_string(m) + ": " + wrong;
}

// --- stopped ones ------------------------------------------------------------------------------

/// Calls with a time-out must return in time, whichever process is stopped, wherever.
void sweep::expect_answer(const char* what, std::string& wrong) {
    if (wrong.empty()) wrong = world_->ask(what, 20);
}

/// Calls without a time-out may wait for the stopped process, or give up. False when they do.
bool sweep::let_work(const char* what, std::string& wrong) {
    if (!wrong.empty()) return false;
    world_->order(what);
    const auto answer = world_->answer(seconds_until_one_waits);
    is_answer_due_ = !answer;
    if (!answer || *answer == gave_up) return false;
    wrong = *answer;
    return wrong.empty();
}

/// While the process is stopped it keeps nobody from anything, and afterwards it continues
/// correctly.
std::string sweep::stop_at(long n) {
    mortal somebody(world_->name());
    const auto v = world_->start(op_);
    std::string wrong;
    if (v->run(known_.run, n)) {
        ++tally_.reached;
        expect_answer("keep deadlines", wrong);
        bool nobody_waits = let_work("work", wrong);
        if (nobody_waits) somebody.die();
        nobody_waits = nobody_waits && let_work("look for the dead", wrong);
        if (nobody_waits) expect_answer("keep deadlines", wrong);
        nobody_waits = nobody_waits && let_work("work", wrong);
        if (!wrong.empty()) return "while it is stopped: " + wrong;
        if (!nobody_waits) ++tally_.waited;
    }
    wrong = v->finish();
    if (is_answer_due_) wrong += world_->answer(30).value_or("HANG: who waited for it; ");
    is_answer_due_ = false;
    somebody.die();
    return wrong + world_->ask("judge");
}

}  // namespace valpool::test
