#include "crash/step/operations.hpp"

#include "support/child.hpp"

#include <csignal>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace valpool::test {

void have_it_repair(StreamingPool& pool) {
    try {
        pool.deallocate(pool.allocate(pool.bytes()));
    } catch (const PoolExhausted&) {
    }
}

std::string text_of(const Val& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

// --- a victim's life ---------------------------------------------------------------------------

void victim_life::open() {
    in = std::make_unique<ServerSide>(name, "from victim", 8);
    in->start();
    out = std::make_unique<ClientSide>(name, "to victim");
    out->start();
    packet(0);  // first values cost thousands of instructions more
}

void victim_life::open_for_changes() {
    open();
    changing = std::make_unique<ServerSide>(name, "changing", 8);
    changing->start();
}

Val& victim_life::public_table() {
    values.push_back(Shared(pool(), Tab{{"first", untouched_text}}));
    ++tables;
    changing->pipe().enq(values.back());
    return values.back();
}

void victim_life::have_somebody_die_in_the_lock(Val& table) {
    child somebody([&] {
        const TransactionLock lock(table);
        table["half"] = "of what belongs together";
        return raise(SIGKILL);
    });
    somebody.wait();
}

void victim_life::note_states() {
    if (!is_noting) return;
    for (std::size_t i = 0; i < tables && i < values.size(); ++i) {
        try {
            states.insert(text_of(values[i]));
        } catch (const PoisonedError&) {
        }
    }
}

// --- the operations ----------------------------------------------------------------------------

namespace {

using deed = operation::deed;

const std::string long_text = "a text that is longer than twenty bytes";

void open(victim_life& v) { v.open(); }

void open_with_table(victim_life& v) {
    v.open_for_changes();
    v.public_table();
    v.note_states();
}

deed open_with_packets(int count) {
    return [count](victim_life& v) {
        v.open();
        for (int i = 0; i < count; ++i) v.values.push_back(v.packet(i));
    };
}

deed send_moved(int number) {
    return [number](victim_life& v) {
        v.in->pipe().enqueue(std::move(v.values[static_cast<std::size_t>(number)]), 0.0);
        v.board.sent = number + 1;
    };
}

void receive_one(victim_life& v) {
    Val packet;
    if (v.out->pipe().dequeue(0.0, packet)) ++v.board.received;
}

/// Receives as long as a waiter would have to be woken to find a packet.
void receive_all(victim_life& v) {
    for (int i = 0; i < packets_for_victim; ++i) receive_one(v);
}

void add_queue_operations(std::vector<operation>& all) {
    all.push_back({"enqueue_copy", open_with_packets(1), {[](victim_life& v) {
                       v.in->pipe().enqueue(v.values[0], 0.0);
                       v.board.sent = 1;
                   }}});
    all.push_back({"enqueue_moved", open_with_packets(1), {send_moved(0)}});
    all.push_back({"enqueue_plain", open, {[](victim_life& v) {
                       const Tab plain{{"number", 0}, {"text", std::string(300, 'x')}};
                       v.in->pipe().enqueue(plain, 0.0);
                       v.board.sent = 1;
                   }}});
    operation until_full{"enqueue_until_full", open_with_packets(8), {}};
    for (int i = 0; i < 8; ++i) until_full.steps.push_back(send_moved(i));
    until_full.steps.push_back([](victim_life& v) { v.in->pipe().enqueue(v.packet(8), 0.0); });
    all.push_back(std::move(until_full));
    all.push_back({"dequeue", open, {receive_one}});
    all.push_back({"dequeue_until_empty", open, {receive_all, receive_one}});
    all.push_back({"dequeue_many",
                   [](victim_life& v) {
                       v.open();
                       v.board.in_doubt = 2;
                   },
                   {[](victim_life& v) {
                       v.out->pipe().dequeue_many(v.values, 2, 0.0);
                       v.board.received = 2;
                   }}});
    const auto make_pipe = [](victim_life& v) {
        v.own = std::make_unique<ServerSide>(v.name, "of the victim", 3);
        v.own->start();
    };
    all.push_back({"make_pipe", open, {make_pipe}, false, false, true});
    all.push_back({"unnamed_queue", open, {[](victim_life& v) {
                       CQ unnamed(2, v.pool(), true);
                       unnamed.enq(Tab{{"a", 1}});
                       unnamed.enq(2);
                       unnamed.deq();
                   }}});
}

void add_waits(std::vector<operation>& all) {
    const std::size_t first = all.size();
    all.push_back({"wait_until_timeout",
                   [](victim_life& v) {
                       v.open();
                       v.own = std::make_unique<ServerSide>(v.name, "nothing comes", 3);
                       v.own->start();
                       v.own->pipe().spin(0);  // makes it sleep
                   },
                   {[](victim_life& v) {
                       Val nothing;
                       v.own->pipe().dequeue(0.15, nothing);  // looks for dead processes once
                   }}});
    all.push_back({"wait_on_an_empty_pipe",
                   [](victim_life& v) {
                       v.open();
                       receive_all(v);
                       v.out->pipe().spin(0);
                   },
                   {[](victim_life& v) {
                       Val nothing;
                       v.out->pipe().dequeue(0.05, nothing);
                   }}});
    all.push_back({"wake",
                   [](victim_life& v) {
                       v.open();
                       v.sleeper = std::make_unique<ClientSide>(v.name, "to sleeper");
                       v.sleeper->start();
                   },
                   {[](victim_life& v) {
                       v.sleeper->pipe().enq(0);
                       v.board.woken_with = 1;
                   }}});
    for (std::size_t i = first; i < all.size(); ++i) all[i].in_waits = true;
}

void add_making_and_dropping(std::vector<operation>& all) {
    all.push_back(
        {"share", open, {[](victim_life& v) {
             v.values.push_back(Shared(v.pool(), Tab{{"a", 1}, {"b", long_text}, {"c", 2.5}}));
         }}});
    all.push_back({"share_much", open, {[](victim_life& v) {
                       Tab much;
                       for (int i = 0; i < 12; ++i)
                           much["key " + std::to_string(i)] = std::string(100, 'x');
                       much["large"] = std::string(2100, 'y');
                       much["numbers"] = Array<real_8>(100);
                       v.values.push_back(Shared(v.pool(), much));
                   }}});
    all.push_back({"drop", open_with_packets(1), {[](victim_life& v) { v.values.clear(); }}});
    all.push_back({"drop_chain",
                   [](victim_life& v) {
                       v.open();
                       Val chain = Shared(v.pool(), Tab());
                       for (int i = 0; i < 4; ++i) {
                           Val next = Shared(v.pool(), Tab{{"big", std::string(2000, 'z')}});
                           next["next"] = chain;
                           chain = next;
                       }
                       v.values.push_back(chain);
                   },
                   {[](victim_life& v) { v.values.clear(); }}});
}

void add_holding(std::vector<operation>& all) {
    const auto hold = [](int count) {
        return [count](victim_life& v) {
            for (int i = 0; i < count; ++i) v.values.push_back(Shared(v.pool(), Tab()));
        };
    };
    all.push_back({"hold_more_than_a_ledger_block",
                   [hold](victim_life& v) {
                       v.open();
                       hold(50)(v);
                   },
                   {hold(90)}});
    all.push_back({"raw_memory", open, {[](victim_life& v) {
                       for (const std::size_t size : {10u, 100u, 1000u, 3000u, 20000u})
                           v.raw.push_back(v.pool()->allocate(size));
                       for (char* piece : v.raw) v.pool()->deallocate(piece);
                       v.pool()->allocate(33);
                   }}});
}

/// A new key exists, with None, before it gets its value. That is a change of its own.
template <class Value>
void put(victim_life& v, std::size_t table, const std::string& key, const Value& value) {
    auto&& place = v.values[table][key];
    v.note_states();
    place = value;
}

deed store(const char* key, const Val& value) {
    return [key, value](victim_life& v) { put(v, 0, key, value); };
}

deed remove(const char* key) {
    return [key](victim_life& v) { v.values[0].remove(key); };
}

void open_with_full_table(victim_life& v) {
    v.open_for_changes();
    Val& table = v.public_table();
    const Val part = v.packet(3);
    table["part"] = part;
    table["text"] = std::string(700, 'y');
    table["inner"] = Tab{{"x", Arr{1, 2, 3}}, {"part", part}};
    v.note_states();
}

void open_with_two_tables(victim_life& v) {
    v.open_for_changes();
    v.public_table()["list"] = Arr{1, long_text, Tab{{"a", 1}}};
    v.public_table();
    v.note_states();
}

void open_with_poisoned_table(victim_life& v) {
    v.open_for_changes();
    Val& table = v.public_table();
    table["text"] = std::string(2000, 'x');
    table["part"] = v.packet(4);
    v.have_somebody_die_in_the_lock(table);
    have_it_repair(*v.pool());
}

void add_stores(std::vector<operation>& all) {
    all.push_back({"store",
                   open_with_table,
                   {store("key", 1), store("text", long_text), store("text", std::string(700, 'y')),
                    store("text", 2)}});
    operation grow{"store_until_it_grows", open_with_table, {}};
    for (int i = 0; i < 14; ++i)
        grow.steps.push_back([i](victim_life& v) { put(v, 0, "key " + std::to_string(i), i); });
    all.push_back(std::move(grow));
}

void add_changes_of_parts(std::vector<operation>& all) {
    const auto store_part = [](const char* key) {
        return [key](victim_life& v) { put(v, 0, key, v.values[1]); };
    };
    all.push_back({"store_parts",
                   [](victim_life& v) {
                       open_with_table(v);
                       v.values.push_back(v.packet(3));
                   },
                   {store_part("part"), store_part("again"), store("inner", Tab{{"x", Arr{1, 2}}}),
                    [](victim_life& v) {
                        auto&& place = v.values[0]["inner"]["part"];
                        v.note_states();
                        place = v.values[1];
                    }}});
    all.push_back(
        {"remove", open_with_full_table, {remove("part"), remove("text"), remove("inner")}});
    all.push_back(
        {"move_between_tables",
         open_with_two_tables,
         {[](victim_life& v) {
              auto&& place = v.values[1]["list"];
              v.note_states();
              place = std::move(v.values[0]["list"]);
          },
          [](victim_life& v) { put(v, 0, "back", v.values[1]["list"]); }, store("list", Arr()),
          [](victim_life& v) { v.values[0]["list"].append("one"); }}});
}

void add_changes_of_all(std::vector<operation>& all) {
    all.push_back({"change_in_a_lock", open_with_table, {[](victim_life& v) {
                       // A reader without the lock, before any repair, finds the state between two
                       // changes.
                       const auto change = [&](const char* key, const Val& value) {
                           Val& place = v.values[0][key];
                           v.note_states();
                           place = value;
                           v.note_states();
                       };
                       const TransactionLock lock(v.values[0]);
                       change("key", 1);
                       const TransactionLock again(v.values[0]);
                       change("text", std::string(50, 'x'));
                   }}});
    all.push_back(
        {"clear_poisoned",
         open_with_poisoned_table,
         {[](victim_life& v) { Proxy(v.values[0]).clear(); }, store("first", untouched_text)}});
}

void open_after_a_death(victim_life& v) {
    v.open_for_changes();
    Val& table = v.public_table();
    child somebody([&] {
        const std::vector<Val> kept(5, v.packet(1));
        v.pool()->allocate(100);
        const TransactionLock lock(table);
        table["half"] = Shared(v.pool(), Tab{{"x", std::string(600, 'x')}});
        return raise(SIGKILL);
    });
    somebody.wait();
    v.note_states();
}

void fork_and_go_on(victim_life& v) {
    const pid_t offspring = fork();
    if (offspring == 0) {
        v.values.pop_back();
        _exit(0);
    }
    v.values.clear();
    if (offspring > 0) waitpid(offspring, nullptr, 0);
}

void add_lives(std::vector<operation>& all) {
    const deed nothing = [](victim_life&) {};
    const deed attach = [](victim_life& v) { v.open(); };
    all.push_back({"attach", nothing, {attach}});
    all.push_back({"attach_and_repair", nothing, {attach}, false, true});
    all.push_back(
        {"repair", open_after_a_death, {[](victim_life& v) { have_it_repair(*v.pool()); }}});
    all.push_back({"detach", open_with_packets(1), {[](victim_life& v) {
                       v.values.clear();
                       v.out.reset();
                       v.in.reset();
                   }}});
    all.push_back({"detach_before_the_last_value_goes", open_with_packets(1), {[](victim_life& v) {
                       v.out.reset();
                       v.in.reset();
                       v.values.clear();
                   }}});
    all.push_back({"detach_with_raw_memory",
                   [](victim_life& v) {
                       v.open();
                       for (const std::size_t size : {10u, 100u, 1000u, 3000u, 9000u})
                           v.pool()->allocate(size);
                   },
                   {[](victim_life& v) {
                       v.out.reset();
                       v.in.reset();
                   }}});
    all.push_back({"fork", open_with_packets(2), {fork_and_go_on}});
    all.push_back({"thread",
                   open,
                   {[](victim_life& v) {
                       Shared(v.pool(), Tab{{"thread", 1}});
                       v.pool()->deallocate(v.pool()->allocate(70));
                   }},
                   true});
}

void take_steps(const operation& op, victim_life& life) {
    for (const deed& step : op.steps) step(life);
}

}  // namespace

std::vector<operation> all_operations() {
    std::vector<operation> all;
    add_queue_operations(all);
    add_waits(all);
    add_making_and_dropping(all);
    add_holding(all);
    add_stores(all);
    add_changes_of_parts(all);
    add_changes_of_all(all);
    add_lives(all);
    return all;
}

const operation& find_operation(const std::string& name) {
    static const std::vector<operation> all = all_operations();
    for (const operation& op : all)
        if (op.name == name) return op;
    throw std::logic_error("no operation " + name);
}

void live_through(const operation& op, victim_life& life, const victim::marks& marks) {
    op.prepare(life);
    if (op.in_thread) {
        std::thread([&] {
            marks.begin();
            take_steps(op, life);
        }).join();
        return;
    }
    marks.begin();
    take_steps(op, life);
    marks.end();
}

std::set<std::string> states_of(const operation& op, victim_life& life) {
    life.is_noting = true;
    op.prepare(life);
    for (const deed& step : op.steps) {
        step(life);
        life.note_states();
    }
    return std::move(life.states);
}

}  // namespace valpool::test
