/// W7: tables of 3, 10, 1,000 and 100,000 entries with text keys: insert, look up, iterate, copy,
/// destroy; Tab in the pool and on the heap, beside std::unordered_map and boost::json::object.
/// The time of an entry.

#include "peers/byte_channels.hpp"
#include "support/micro_contest.hpp"
#include "support/process.hpp"
#include "support/valpool_transport.hpp"

#include <valpool/valpool.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

using namespace valpool;
using namespace valpool::bench;

namespace {

// Each of the contestants says how a table of its kind is made, and what is done with it. `table`
// owns one; `view` is what a program works with.

struct heap_tables {
    using table = Tab;
    contestant who() const { return valpool_contestant("heap", "Tab on the heap"); }
    table make() const { return {}; }
    table copy(const table& t) const { return t; }
    static Tab& view(table& t) { return t; }
    [[gnu::always_inline]] static void insert(Tab& t, const std::string& key, std::int64_t value) {
        t[key] = value;
    }
    [[gnu::always_inline]] static std::int64_t at(const Tab& t, const std::string& key) {
        return t(key);
    }
    [[gnu::always_inline]] static std::int64_t sum(const Tab& t) {
        std::int64_t total = 0;
        for (const auto& [key, value] : t) total += static_cast<std::int64_t>(value);
        return total;
    }
};

struct pool_tables : heap_tables {
    using table = Val;
    explicit pool_tables(StreamingPool* where) : pool(where) {}
    StreamingPool* pool;
    contestant who() const { return valpool_contestant("pool", "Tab in a pool"); }
    table make() const { return Shared(pool, Tab()); }
    table copy(const table& t) const { return Shared(pool, static_cast<const Tab&>(t)); }
    static Tab& view(table& t) { return t; }
};

struct std_tables {
    using scalar = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
    using table = std::unordered_map<std::string, scalar>;
    contestant who() const {
        return {kind::peer, "unordered_map",
                "std::unordered_map of variants, libstdc++ " + std::to_string(_GLIBCXX_RELEASE)};
    }
    table make() const { return {}; }
    table copy(const table& t) const { return t; }
    static table& view(table& t) { return t; }
    [[gnu::always_inline]] static void insert(table& t, const std::string& key,
                                              std::int64_t value) {
        t[key] = value;
    }
    [[gnu::always_inline]] static std::int64_t at(const table& t, const std::string& key) {
        return std::get<std::int64_t>(t.at(key));
    }
    [[gnu::always_inline]] static std::int64_t sum(const table& t) {
        std::int64_t total = 0;
        for (const auto& [key, value] : t) total += std::get<std::int64_t>(value);
        return total;
    }
};

struct json_tables {
    using table = boost::json::object;
    contestant who() const {
        return {kind::peer, "json_object", "boost::json::object, " + boost_version()};
    }
    table make() const { return {}; }
    table copy(const table& t) const { return t; }
    static table& view(table& t) { return t; }
    [[gnu::always_inline]] static void insert(table& t, const std::string& key,
                                              std::int64_t value) {
        t[key] = value;
    }
    [[gnu::always_inline]] static std::int64_t at(const table& t, const std::string& key) {
        return t.at(key).as_int64();
    }
    [[gnu::always_inline]] static std::int64_t sum(const table& t) {
        std::int64_t total = 0;
        for (const auto& item : t) total += item.value().as_int64();
        return total;
    }
};

/// Keys in two orders, and what their values add up to. The value of a key is its position.
class key_set {
public:
    explicit key_set(std::size_t entries) {
        for (std::size_t i = 0; i < entries; ++i)
            in_order.push_back("key number " + std::to_string(i));
        shuffled = in_order;
        std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(1));
        sum = static_cast<std::int64_t>(entries * (entries - 1) / 2);
    }
    std::vector<std::string> in_order;
    std::vector<std::string> shuffled;
    std::int64_t sum = 0;
};

/// Measures one kind of table at one size. What an operation needs and leaves is made, checked and
/// destroyed outside of the time: for a number of tables at once, so that a clock can time it.
template <class Tables>
class table_contest {
public:
    using table = typename Tables::table;

    table_contest(Tables tables, std::size_t entries)
        : tables_(std::move(tables)),
          keys_(entries),
          at_once_(std::max<std::size_t>(1, 3000 / entries)) {}

    void insert(benchmark::State& state) const {
        measure(
            state, [&] { return empty_tables(); }, [&](auto& all) { fill(all); },
            [&](auto& all) { return is_full(all.back()); });
    }
    void look_up(benchmark::State& state) const {
        std::int64_t sum = 0;
        measure(
            state, [&] { return full_tables(); },
            [&](auto& all) {
                sum = 0;
                for (table& t : all) {
                    const auto& view = Tables::view(t);
                    for (const std::string& key : keys_.shuffled) sum += Tables::at(view, key);
                }
            },
            [&](auto& all) { return sum == static_cast<std::int64_t>(all.size()) * keys_.sum; });
    }
    void iterate(benchmark::State& state) const {
        std::int64_t sum = 0;
        measure(
            state, [&] { return full_tables(); },
            [&](auto& all) {
                sum = 0;
                for (table& t : all) sum += Tables::sum(Tables::view(t));
            },
            [&](auto& all) { return sum == static_cast<std::int64_t>(all.size()) * keys_.sum; });
    }
    void copy(benchmark::State& state) const {
        const std::vector<table> originals = full_tables();
        measure(
            state,
            [&] {
                std::vector<table> none;
                none.reserve(originals.size());
                return none;
            },
            [&](auto& all) {
                for (const table& t : originals) all.push_back(tables_.copy(t));
            },
            [&](auto& all) { return is_full(all.back()); });
    }
    void destroy(benchmark::State& state) const {
        measure(
            state, [&] { return full_tables(); }, [](auto& all) { all.clear(); },
            [](auto& all) { return all.empty(); });
    }

private:
    template <class Prepare, class Work, class Check>
    void measure(benchmark::State& state, Prepare prepare, Work work, Check is_right) const {
        for (auto _ : state) {
            std::vector<table> tables = prepare();
            const auto began = clock_type::now();
            work(tables);
            benchmark::ClobberMemory();
            state.SetIterationTime(seconds_since(began));
            if (!is_right(tables)) state.SkipWithError("the tables are wrong");
        }
        const std::size_t items = at_once_ * keys_.in_order.size();
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items));
    }

    std::vector<table> empty_tables() const {
        std::vector<table> all;
        all.reserve(at_once_);
        for (std::size_t i = 0; i < at_once_; ++i) all.push_back(tables_.make());
        return all;
    }
    std::vector<table> full_tables() const {
        std::vector<table> all = empty_tables();
        fill(all);
        return all;
    }
    void fill(std::vector<table>& all) const {
        for (table& t : all) {
            auto& view = Tables::view(t);
            std::int64_t value = 0;
            for (const std::string& key : keys_.in_order) Tables::insert(view, key, value++);
        }
    }
    bool is_full(table& t) const { return Tables::sum(Tables::view(t)) == keys_.sum; }

    Tables tables_;
    key_set keys_;
    std::size_t at_once_;
};

template <class Tables>
void add(micro_contest& c, const Tables& tables, std::size_t entries, const options& o) {
    // A fixed amount of work: were it a fixed time, the preparations would take many times that.
    const std::size_t all_entries = o.is_quick ? 30'000 : 600'000;
    const auto iterations = static_cast<std::int64_t>(
        std::max<std::size_t>(2, all_entries / std::max<std::size_t>(3000, entries)));
    using one = table_contest<Tables>;
    const auto table = std::make_shared<const one>(tables, entries);
    const auto add_operation = [&](const char* name,
                                   void (one::*operation)(benchmark::State&) const) {
        c.add_timing_itself(
            tables.who(), std::string(name) + ", " + std::to_string(entries) + " entries",
            iterations,
            [table, operation](benchmark::State& state) { (*table.*operation)(state); });
    };
    add_operation("insert", &one::insert);
    add_operation("look up", &one::look_up);
    add_operation("iterate", &one::iterate);
    add_operation("copy", &one::copy);
    add_operation("destroy", &one::destroy);
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    const shm_name pool_name("values");
    SHMMain main(pool_name, 256 * mebibyte);
    main.start();
    micro_contest c("W7", "ns an entry");
    for (const std::size_t entries : {3u, 10u, 1000u, 100000u}) {
        add(c, pool_tables(main.pool()), entries, o);
        add(c, heap_tables(), entries, o);
        add(c, std_tables(), entries, o);
        add(c, json_tables(), entries, o);
    }
    return c.run(o);
}
