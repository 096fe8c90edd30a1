#include "crash/step/keeper.hpp"

#include "support/child.hpp"

#include <valpool/pool_check.hpp>

#include <chrono>
#include <cstring>
#include <exception>
#include <sstream>
#include <thread>
#include <utility>

namespace valpool::test {
namespace {

double now_s() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

std::vector<int> drain(CQ& pipe) {
    std::vector<int> numbers;
    Val packet;
    while (pipe.dequeue(0.0, packet)) numbers.push_back(packet("number"));
    return numbers;
}

/// The numbers must be first, first + 1, ... last - 1.
void expect_numbers(std::ostream& wrong, const char* pipe, const std::vector<int>& got, int first,
                    int last) {
    std::vector<int> wanted;
    for (int i = first; i < last; ++i) wanted.push_back(i);
    if (got == wanted) return;
    wrong << pipe << ": " << first << ".." << last - 1 << " expected, got";
    for (const int number : got) wrong << ' ' << number;
    wrong << "; ";
}

/// Shortens a text for people to read: the long texts consist of one letter each.
std::string without_long_runs(const std::string& text) {
    std::string shorter;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (i < 3 || text[i] != text[i - 1] || text[i] != text[i - 3]) shorter.push_back(text[i]);
    return shorter.substr(0, 300);
}

/// Calls without a time-out may throw a plain std::runtime_error when they have waited long enough.
std::string unless_given_up(const std::function<std::string()>& calls) {
    try {
        return calls();
    } catch (const PoolExhausted&) {
        throw;
    } catch (const PoisonedError&) {
        throw;
    } catch (const std::runtime_error&) {
        return gave_up;
    }
}

void change_and_change_back(Val& table) {
    table["added"] = 1;
    table["added text"] = std::string(40, 'a');
    table.remove("added text");
    table.remove("added");
}

bool is_of_use(Val& table) {
    const std::string before = text_of(table);
    for (int i = 0; i < 20; ++i) table["k" + std::to_string(i)] = Arr{1, std::string(40, 'x')};
    for (int i = 0; i < 20; ++i) table.remove("k" + std::to_string(i));
    return text_of(table) == before;
}

}  // namespace

keeper::keeper(const std::string& name, step_board& board)
    : board_(board),
      main_(name, 150000),
      from_victim_(name, "from victim", 8),
      to_victim_(name, "to victim", 8),
      to_sleeper_(name, "to sleeper", 4),
      from_sleeper_(name, "from sleeper", 4),
      changing_(name, "changing", 8),
      never_(name, "nothing comes", 3),
      own_(name, "own", 2),
      full_(name, "full", 1) {
    main_.start();
    for (ServerSide* side : {&from_victim_, &to_victim_, &to_sleeper_, &from_sleeper_, &changing_,
                             &never_, &own_, &full_})
        side->start();
    refill();
}

void keeper::refill() {
    for (int i = 0; i < packets_for_victim; ++i)
        to_victim_.pipe().enq(Shared(main_.pool(), Tab{{"number", i}}));
    board_.sent = board_.received = board_.woken_with = board_.sleeper_got = 0;
    board_.in_doubt = 1;
}

int keeper::serve(line& orders) {
    orders.say("");
    std::string order;
    while (orders.hear(order, -1) == line::answer::came) {
        std::string complaint;
        try {
            complaint = obey(order);
        } catch (const std::exception& e) {
            complaint = std::string("the keeper got an exception: ") + e.what();
        }
        orders.say(complaint.substr(0, 3000));
    }
    return 0;
}

std::string keeper::obey(const std::string& order) {
    if (order == "judge") return judge();
    if (order == "judge after reading") return judge_unrepaired(first_use::read);
    if (order == "judge after locking") return judge_unrepaired(first_use::lock);
    if (order == "judge after changing") return judge_unrepaired(first_use::change);
    if (order == "keep deadlines") return keep_deadlines();
    if (order == "work") return unless_given_up([&] { return work(); });
    if (order == "look for the dead")
        return unless_given_up([&] { return have_it_repair(*main_.pool()), ""; });
    if (order.rfind("states", 0) == 0) return expect_states(order.substr(6)), "";
    return "an unknown order";
}

void keeper::expect_states(const std::string& joined) {
    states_.clear();
    for (std::size_t at = 0; at < joined.size();) {
        states_.insert(joined.c_str() + at);
        at += std::strlen(joined.c_str() + at) + 1;
    }
}

std::string keeper::repair() {
    // The repair is deferred while a living process is still leaving an operation, and while
    // another process repairs.
    const bool is_done = eventually([&] {
        have_it_repair(*main_.pool());
        return check(main_.pool()).dead_processes.empty();
    });
    return is_done ? "" : "recovery is put off for ever; ";
}

std::string keeper::judge() {
    std::ostringstream wrong;
    wrong << repair();
    judge_packets(wrong);
    judge_tables(wrong);
    judge_sleeper(wrong);
    judge_memory(wrong);
    refill();
    wrong << work();
    return wrong.str();
}

std::string keeper::judge_unrepaired(first_use first) {
    std::ostringstream wrong;
    use_pipes_unrepaired(wrong);
    use_tables_unrepaired(wrong, first);
    wrong << judge();
    return wrong.str();
}

void keeper::use_pipes_unrepaired(std::ostream& wrong) {
    // The waiters that these calls wake are dead.
    Val back;
    if (!never_.pipe().enqueue(7, 0.0) || !never_.pipe().dequeue(0.0, back) || back != 7)
        wrong << "a packet is lost in the pipe that the dead waited for; ";
}

void keeper::use_tables_unrepaired(std::ostream& wrong, first_use first) {
    Val table;
    while (changing_.pipe().dequeue(0.0, table)) {
        for (int i = 0; i < 3; ++i)
            if (!use(wrong, table, static_cast<first_use>((static_cast<int>(first) + i) % 3)))
                ++board_.poisoned;
        wrong << repair();
        judge_table(wrong, table);
    }
}

/// False when the use is refused, which is allowed whenever a process has died in the middle of a
/// change.
bool keeper::use(std::ostream& wrong, Val& table, first_use what) {
    const char* const names[] = {"read, ", "locked, ", "changed, "};
    std::ostringstream here;
    bool is_usable = true;
    try {
        if (what == first_use::read) expect_whole(here, table);
        if (what == first_use::change) change_and_change_back(table);
        if (what == first_use::lock) {
            const TransactionLock lock(table);
            expect_whole(here, table);
        }
    } catch (const PoisonedError&) {
        is_usable = false;
    }
    if (is_usable && what == first_use::change) {
        try {
            expect_whole(here, table);
        } catch (const PoisonedError&) {  // a repair has poisoned it meanwhile
        }
    }
    if (!here.str().empty())
        wrong << names[static_cast<int>(what)]
              << "unrepaired, without a PoisonedError: " << here.str();
    return is_usable;
}

void keeper::judge_packets(std::ostream& wrong) {
    // The operation that was under way when it died may have happened or not. Nothing else may be
    // in doubt.
    const auto sent = drain(from_victim_.pipe());
    const int known = board_.sent;
    const bool is_one_more = static_cast<int>(sent.size()) == known + 1;
    expect_numbers(wrong, "from victim", sent, 0, is_one_more ? known + 1 : known);
    const auto left = drain(to_victim_.pipe());
    const int taken = packets_for_victim - static_cast<int>(left.size());
    const int least = board_.received;
    const bool is_in_doubt = taken > least && taken <= least + board_.in_doubt;
    expect_numbers(wrong, "to victim", left, is_in_doubt ? taken : least, packets_for_victim);
}

void keeper::judge_tables(std::ostream& wrong) {
    Val table;
    while (changing_.pipe().dequeue(0.0, table)) judge_table(wrong, table);
}

/// The table must be whole or poisoned, and usable again in both cases.
void keeper::judge_table(std::ostream& wrong, Val& table) {
    try {
        const TransactionLock lock(table);
        expect_whole(wrong, table);
        if (!is_of_use(table)) wrong << "a table that does not change back; ";
        ++board_.whole;
        return;
    } catch (const PoisonedError&) {
        ++board_.poisoned;
    }
    Proxy(table).clear();
    const TransactionLock lock(table);
    table["first"] = "anew";
    if (table.length() != 1) wrong << "a table that cannot be cleared; ";
    if (!is_of_use(table)) wrong << "a cleared table that does not change back; ";
}

void keeper::expect_whole(std::ostream& wrong, const Val& table) {
    const std::string text = text_of(table);
    if (states_.count(text) == 0) wrong << "a broken table: " << without_long_runs(text) << "; ";
}

void keeper::judge_sleeper(std::ostream& wrong) {
    Val back;
    const double patience_s = board_.patience_s;
    to_sleeper_.pipe().enqueue(mark, patience_s);
    const bool has_answered = from_sleeper_.pipe().dequeue(patience_s, back);
    const int woken = board_.woken_with;
    const int got = board_.sleeper_got;
    if (!has_answered) wrong << "HANG: the sleeper does not answer; ";
    if (got != woken && got != woken + 1)
        wrong << "the sleeper got " << got << " of " << woken << "; ";
}

/// Removes what was in the pipe when a call gave up.
void keeper::empty_own_pipe() {
    Val packet;
    while (own_.pipe().dequeue(0.0, packet)) packet = None;
}

void keeper::judge_memory(std::ostream& wrong) {
    empty_own_pipe();
    // The sleeper may still be leaving an operation.
    if (!eventually([&] { return main_.pool()->isPristine(); }, board_.patience_s))
        wrong << "not pristine; ";
    const pool_report report = check(main_.pool());
    if (!report.is_sound() || !report.dead_processes.empty() || report.leaked_bytes != 0 ||
        report.boxes != 0)
        wrong << report;
}

std::string keeper::work() {
    std::ostringstream wrong;
    empty_own_pipe();
    std::vector<Val> kept;
    const auto text_of_value = [](int i) { return std::string(100, static_cast<char>('a' + i)); };
    for (int i = 0; i < 20; ++i) {
        Val value = Shared(main_.pool(), Tab{{"i", i}, {"text", text_of_value(i)}});
        value["more"] = Arr{1, 2, 3};
        kept.push_back(value);
        const auto size = static_cast<std::size_t>(i * 20);
        char* const raw = main_.pool()->allocate(size);
        std::memset(raw, i, size);
        main_.pool()->deallocate(raw);
        own_.pipe().enq(value);
        if (!is(own_.pipe().deq(), value)) wrong << "another packet came back; ";
    }
    for (int i = 0; i < 20; ++i) {
        const Val& value = kept[static_cast<std::size_t>(i)];
        if (value("i") != i || value("text") != text_of_value(i)) wrong << "a value has changed; ";
    }
    return wrong.str();
}

std::string keeper::keep_deadlines() {
    std::ostringstream wrong;
    const auto expect_false = [&](const char* what, const std::function<bool()>& call) {
        const double start = now_s();
        if (call()) wrong << what << " succeeded; ";
        const double took = now_s() - start;
        if (took > board_.patience_s) wrong << what << " came back after " << took << " s; ";
    };
    Val nothing;
    full_.pipe().enqueue(0, 0.0);  // already there when the last check was cut short
    expect_false("dequeue at once", [&] { return never_.pipe().dequeue(0.0, nothing); });
    expect_false("dequeue", [&] { return never_.pipe().dequeue(0.002, nothing); });
    expect_false("enqueue at once", [&] { return full_.pipe().enqueue(1, 0.0); });
    expect_false("enqueue", [&] { return full_.pipe().enqueue(1, 0.002); });
    full_.pipe().dequeue(0.0, nothing);
    return wrong.str();
}

int sleep_and_count(const std::string& name, step_board& board) {
    ClientSide input(name, "to sleeper");
    input.start();
    ServerSide output(name, "from sleeper", 4);
    output.start();
    input.pipe().spin(0);  // makes it sleep, whatever others do on its processor
    for (;;) {
        Val packet;
        if (!input.pipe().dequeue(5.0, packet)) continue;
        if (packet == mark)
            output.pipe().enq(packet);
        else
            ++board.sleeper_got;
    }
}

}  // namespace valpool::test
