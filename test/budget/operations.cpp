/// The operations that test/budget/run.sh counts the instructions of, each some hundred times.
/// Valgrind counts only between begin() and end(): once the operation is as quick as it gets, and
/// without what prepares it.

#include <valpool/valpool.hpp>

#include <valgrind/callgrind.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace valpool;

namespace {

constexpr int warm_up = 50;
int repetitions = 0;

void begin() { CALLGRIND_TOGGLE_COLLECT; }
void end() { CALLGRIND_TOGGLE_COLLECT; }

/// One round of an operation; it calls begin and end around what is to be counted, if `counts`.
using round_of = std::function<void(bool counts)>;

/// Calls `operation` between begin and end.
template <class Operation>
void count(bool counts, Operation operation) {
    if (counts) begin();
    operation();
    if (counts) end();
}

void measure(const char* name, const round_of& round) {
    for (int i = 0; i < warm_up; ++i) round(false);
    CALLGRIND_ZERO_STATS;
    for (int i = 0; i < repetitions; ++i) round(true);
    CALLGRIND_DUMP_STATS_AT(name);
}

void expect(bool is_right, const char* what) {
    if (is_right) return;
    std::cerr << "wrong: " << what << '\n';
    std::exit(1);
}

std::vector<std::string> keys(const std::string& what, int count) {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i) all.push_back(what + std::to_string(i));
    return all;
}

// A packet of three keys.

void fill_record(Val& v, int n) {
    v["number"] = n;
    v["name"] = "a record";
    v["x"] = 0.5;
}
bool is_record(const Val& v, int n) {
    return int(v("number")) == n && v("name").text() == "a record" && double(v("x")) == 0.5;
}

// A packet with 1,000 numbers, which the sender writes in place.

constexpr std::size_t number_count = 1000;

void begin_numbers(Val& v, int n) {
    v["number"] = n;
    Array<real_8>& numbers = v["numbers"] = Array<real_8>();
    numbers.expandForOverwrite(number_count);
}

// A packet of 100 keys in five levels, much as W4's in bench/support/nested.hpp.

constexpr int levels = 5;
const std::vector<std::string> integer_keys = keys("integer_", 8);
const std::vector<std::string> real_keys = keys("real_", 5);
const std::vector<std::string> text_keys = keys("a_text_", 4);
const std::vector<std::string> list_keys = keys("numbers_", 2);
constexpr std::string_view short_text = "a short text";
constexpr std::string_view long_text = "a text that is too long to lie in the value itself";

void fill_level(Val& t, std::int64_t n) {
    for (const std::string& key : integer_keys) t[key] = n++;
    for (const std::string& key : real_keys) t[key] = 0.5 * static_cast<double>(n++);
    for (const std::string& key : text_keys) t[key] = n++ % 2 == 0 ? short_text : long_text;
    for (const std::string& key : list_keys) {
        Val& list = t[key] = Arr();
        for (int i = 0; i < 8; ++i) list.append(n + i);
        ++n;
    }
}
bool is_level(const Val& t, std::int64_t n) {
    bool is_right = true;
    for (const std::string& key : integer_keys) is_right &= std::int64_t(t[key]) == n++;
    for (const std::string& key : real_keys)
        is_right &= double(t[key]) == 0.5 * static_cast<double>(n++);
    for (const std::string& key : text_keys)
        is_right &= t[key].text() == (n++ % 2 == 0 ? short_text : long_text);
    for (const std::string& key : list_keys) {
        std::int64_t expected = n++;
        const Arr& list = t[key];
        for (const Val& item : list) is_right &= std::int64_t(item) == expected++;
    }
    return is_right;
}
void fill_nested(Val& root, std::int64_t n) {
    Val* level = &root;
    for (int depth = 0; depth != levels; ++depth) {
        fill_level(*level, n + depth);
        Val& below = (*level)["below"] = Tab();
        level = &below;
    }
}
bool is_nested(const Val& root, std::int64_t n) {
    bool is_right = true;
    const Val* level = &root;
    for (int depth = 0; depth != levels; ++depth) {
        is_right &= is_level(*level, n + depth);
        level = &(*level)["below"];
    }
    return is_right;
}

void measure_packets(StreamingPool* pool, CQ& in, CQ& out) {
    constexpr int n = 7;
    measure("record_build_and_put", [&](bool counts) {
        count(counts, [&] {
            Val v = Shared(pool, Tab());
            fill_record(v, n);
            in.enqueue(std::move(v), 1.0);
        });
        Val v;
        expect(out.dequeue(1.0, v) && is_record(v, n), "record");
    });
    measure("record_take_and_read", [&](bool counts) {
        Val v = Shared(pool, Tab());
        fill_record(v, n);
        in.enqueue(std::move(v), 1.0);
        bool is_right = false;
        count(counts, [&] {
            Val got;
            is_right = out.dequeue(1.0, got) && is_record(got, n);
        });
        expect(is_right, "record");
    });
    measure("hand_over", [&](bool counts) {
        Val v = Shared(pool, Tab());
        fill_record(v, n);
        Val got;
        count(counts, [&] {
            in.enqueue(std::move(v), 1.0);
            out.dequeue(1.0, got);
        });
        expect(is_record(got, n), "handed over");
    });
    measure("nested_build", [&](bool counts) {
        Val v = Shared(pool, Tab());
        count(counts, [&] { fill_nested(v, n); });
        in.enqueue(std::move(v), 1.0);
        Val got;
        expect(out.dequeue(1.0, got) && is_nested(got, n), "nested");
    });
    measure("nested_read", [&](bool counts) {
        Val v = Shared(pool, Tab());
        fill_nested(v, n);
        bool is_right = false;
        count(counts, [&] { is_right = is_nested(v, n); });
        expect(is_right, "nested");
    });
    Val model = Shared(pool, Tab());
    fill_nested(model, n);
    const Tab on_heap(static_cast<Tab&>(model));
    measure("nested_copy_into_pool", [&](bool counts) {
        Val copy;
        count(counts, [&] { copy = Shared(pool, on_heap); });
        expect(is_nested(copy, n), "copy");
    });
    measure("nested_free", [&](bool counts) {
        Val v = Shared(pool, on_heap);
        count(counts, [&] { v.reset(); });
    });
    measure("array_begin_and_put", [&](bool counts) {
        count(counts, [&] {
            Val v = Shared(pool, Tab());
            begin_numbers(v, n);
            in.enqueue(std::move(v), 1.0);
        });
        Val v;
        expect(out.dequeue(1.0, v) && v("numbers").length() == number_count, "numbers");
    });
}

/// The price of a tap for the pipe's users, and for its reader.
void measure_tap(const std::string& pool_name, StreamingPool* pool, CQ& in, CQ& out) {
    Tap tap(pool_name, "records", 4);
    Val got;
    Val seen;
    measure("hand_over_with_a_tap", [&](bool counts) {
        Val v = Shared(pool, Tab());
        count(counts, [&] {
            in.enqueue(std::move(v), 1.0);
            out.dequeue(1.0, got);
        });
        expect(tap.next(0.0, seen) && is(got, seen), "tapped");
    });
    measure("tap_next", [&](bool counts) {
        in.enqueue(Shared(pool, Tab()), 1.0);
        out.dequeue(1.0, got);
        count(counts, [&] { tap.next(1.0, seen); });
        expect(is(got, seen), "tapped");
    });
}

void measure_containers(StreamingPool* pool) {
    const std::vector<std::string> names = keys("key_", 10);
    measure("insert_ten", [&](bool counts) {
        Val v = Shared(pool, Tab());
        count(counts, [&] {
            for (const std::string& name : names) v[name] = 1;
        });
        expect(v.length() == names.size(), "inserted");
    });
    Val v = Shared(pool, Tab());
    for (const std::string& name : names) v[name] = 1;
    measure("look_up_ten_in_order", [&](bool counts) {
        int sum = 0;
        count(counts, [&] {
            for (const std::string& name : names) sum += int(v(name));
        });
        expect(sum == 10, "looked up");
    });
    measure("look_up_ten_backwards", [&](bool counts) {
        int sum = 0;
        count(counts, [&] {
            for (std::size_t i = names.size(); i-- > 0;) sum += int(v(names[i]));
        });
        expect(sum == 10, "looked up");
    });
    measure("append_ten", [&](bool counts) {
        Val list = Shared(pool, Arr());
        count(counts, [&] {
            for (int i = 0; i < 10; ++i) list.append(i);
        });
        expect(list.length() == 10, "appended");
    });
    measure("lock", [&](bool counts) { count(counts, [&] { const TransactionLock lock(v); }); });
}

}  // namespace

/// The argument: how often each operation is counted.
int main(int argc, char** argv) {
    repetitions = argc == 2 ? std::atoi(argv[1]) : 0;
    expect(repetitions > 0, "needs the number of repetitions");
    const std::string name = "budget_" + std::to_string(getpid());
    SHMMain main_side(name, 64 << 20);
    main_side.start();
    ServerSide server(name, "records", 64);
    server.start();
    ClientSide client(name, "records");
    client.start();
    measure_packets(main_side.pool(), server.pipe(), client.pipe());
    measure_containers(main_side.pool());
    measure_tap(name, main_side.pool(), server.pipe(), client.pipe());
    return 0;
}
