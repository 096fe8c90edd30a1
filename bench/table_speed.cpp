/// Tables of 3, 10, 1,000 and 100,000 entries with text keys: insert, look up, walk, copy; in the
/// pool and on the heap, beside std::unordered_map and boost::json::object. Everything in one run,
/// interleaved; medians of several rounds, in nanoseconds for an entry, and the ratio to the faster
/// of the two peers.

#include <valpool/valpool.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include <unistd.h>

using namespace valpool;

namespace {

using variant = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using std_map = std::unordered_map<std::string, variant>;
using clock_type = std::chrono::steady_clock;

template <class T>
void keep(const T& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

double ns_per(std::size_t count, const std::function<void()>& work) {
    const auto began = clock_type::now();
    work();
    return std::chrono::duration<double, std::nano>(clock_type::now() - began).count() /
           static_cast<double>(count);
}

struct row {
    std::string what;
    std::size_t entries;
    // pool, heap, unordered_map, boost::json
    std::vector<std::function<double()>> contestants;
    std::vector<std::vector<double>> times = std::vector<std::vector<double>>(4);
};

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

class tables {
public:
    tables(StreamingPool* pool, std::size_t entries)
        : pool_(pool), entries_(entries), repeats_(std::max<std::size_t>(1, 200000 / entries)) {
        for (std::size_t i = 0; i < entries; ++i)
            keys_.push_back("key number " + std::to_string(i));
        order_ = keys_;
        std::shuffle(order_.begin(), order_.end(), std::mt19937(1));
        pooled_ = Shared(pool, Tab());
        for (std::size_t i = 0; i < entries; ++i) {
            const auto value = static_cast<std::int64_t>(i);
            pooled_[keys_[i]] = value;
            heap_[keys_[i]] = value;
            std_[keys_[i]] = value;
            json_[keys_[i]] = value;
        }
    }

    void add_rows(std::vector<row>& rows) {
        rows.push_back({"insert",
                        entries_,
                        {timed([this] {
                             Val t = Shared(pool_, Tab());
                             Tab& table = t;
                             for (const auto& k : keys_) table[k] = std::int64_t{1};
                         }),
                         timed([this] {
                             Tab t;
                             for (const auto& k : keys_) t[k] = std::int64_t{1};
                         }),
                         timed([this] {
                             std_map t;
                             for (const auto& k : keys_) t[k] = std::int64_t{1};
                         }),
                         timed([this] {
                             boost::json::object t;
                             for (const auto& k : keys_) t[k] = std::int64_t{1};
                         })}});
        rows.push_back({"look up",
                        entries_,
                        {timed([this] {
                             const Tab& t = pooled_;
                             for (const auto& k : order_) keep(t(k));
                         }),
                         timed([this] {
                             for (const auto& k : order_) keep(heap_(k));
                         }),
                         timed([this] {
                             for (const auto& k : order_) keep(std_.find(k)->second);
                         }),
                         timed([this] {
                             for (const auto& k : order_) keep(json_.find(k)->value());
                         })}});
        rows.push_back({"walk",
                        entries_,
                        {timed([this] {
                             std::int64_t sum = 0;
                             for (const auto& [key, value] : static_cast<const Tab&>(pooled_))
                                 sum += static_cast<std::int64_t>(value);
                             keep(sum);
                         }),
                         timed([this] {
                             std::int64_t sum = 0;
                             for (const auto& [key, value] : std::as_const(heap_))
                                 sum += static_cast<std::int64_t>(value);
                             keep(sum);
                         }),
                         timed([this] {
                             std::int64_t sum = 0;
                             for (const auto& [key, value] : std_)
                                 sum += std::get<std::int64_t>(value);
                             keep(sum);
                         }),
                         timed([this] {
                             std::int64_t sum = 0;
                             for (const auto& e : json_) sum += e.value().as_int64();
                             keep(sum);
                         })}});
        rows.push_back(
            {"copy and destroy",
             entries_,
             {timed([this] { keep(Shared(pool_, static_cast<Tab&>(pooled_))); }),
              timed([this] { keep(Tab(heap_)); }), timed([this] { keep(std_map(std_)); }),
              timed([this] { keep(boost::json::object(json_)); })}});
    }

private:
    std::function<double()> timed(const std::function<void()>& once) {
        return [this, once] {
            return ns_per(entries_ * repeats_, [&] {
                for (std::size_t i = 0; i < repeats_; ++i) once();
            });
        };
    }

    StreamingPool* pool_;
    std::size_t entries_;
    std::size_t repeats_;
    std::vector<std::string> keys_;
    std::vector<std::string> order_;
    Val pooled_;
    Tab heap_;
    std_map std_;
    boost::json::object json_;
};

}  // namespace

int main() {
    const std::string name = "valpool_table_speed_" + std::to_string(getpid());
    SHMMain main(name, 256 << 20);
    main.start();
    std::vector<std::unique_ptr<tables>> sizes;
    std::vector<row> rows;
    for (const std::size_t n : {3u, 10u, 1000u, 100000u}) {
        sizes.push_back(std::make_unique<tables>(main.pool(), n));
        sizes.back()->add_rows(rows);
    }
    constexpr int rounds = 7;
    for (int round = 0; round < rounds; ++round)
        for (row& r : rows)
            for (std::size_t c = 0; c < r.contestants.size(); ++c)
                r.times[c].push_back(r.contestants[c]());

    std::cout << "| entries | | pool | heap | unordered_map | boost::json | pool / faster peer |\n"
                 "|---|---|---|---|---|---|---|\n"
              << std::fixed << std::setprecision(1);
    for (const row& r : rows) {
        std::vector<double> ns;
        for (const auto& t : r.times) ns.push_back(median(t));
        std::cout << "| " << r.entries << " | " << r.what;
        for (const double t : ns) std::cout << " | " << t;
        std::cout << " | " << std::setprecision(2) << ns[0] / std::min(ns[2], ns[3])
                  << std::setprecision(1) << " |\n";
    }
    return 0;
}
