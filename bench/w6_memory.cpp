/// W6: memory is allocated and given back, by one process and by two at once, while nothing else
/// lives and while a million blocks do; beside malloc and mimalloc. And what a packet of W1 takes.

#include "support/micro_contest.hpp"
#include "support/record.hpp"
#include "support/stream.hpp"
#include "support/valpool_transport.hpp"

#ifdef VALPOOL_BENCH_PEERS
#include <mimalloc.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gnu/libc-version.h>

using namespace valpool;
using namespace valpool::bench;

namespace {

/// What is measured: `live` blocks of at most `most_live_bytes` are there already.
struct setting {
    static constexpr std::size_t most_live_bytes = 256;

    std::size_t block_bytes;
    std::size_t live;

    std::size_t live_bytes() const { return std::min(block_bytes, most_live_bytes); }
    /// For live_set and batch, in every process, with room for headers and rounding.
    std::size_t pool_bytes(std::size_t processes) const {
        return 64 * mebibyte + processes * (live + live / 4) * (live_bytes() + live_bytes() / 2);
    }
    std::string name() const {
        const std::string size = block_bytes < 1024 ? std::to_string(block_bytes) + " B"
                                                    : std::to_string(block_bytes / 1024) + " KiB";
        return size + ", " + std::to_string(live) + " live";
    }
};

/// Where a process is among those that measure together.
struct place {
    const std::string& pool_name;
    std::size_t pool_bytes;
    bool is_first;
};

class pool_memory {
public:
    static contestant who() { return valpool_contestant("valpool", "StreamingPool"); }

    explicit pool_memory(const place& p) : side_(p.pool_name, "unused", 1) {
        if (p.is_first) main_.emplace(p.pool_name, p.pool_bytes).start();
        side_.start();
        pool_ = side_.pool();
    }
    char* allocate(std::size_t bytes) { return pool_->allocate(bytes); }
    void give_back(char* memory) { pool_->deallocate(memory); }

private:
    std::optional<SHMMain> main_;
    ServerSide side_;
    StreamingPool* pool_ = nullptr;
};

class libc_memory {
public:
    static contestant who() {
        return {kind::peer, "malloc", std::string("malloc, glibc ") + gnu_get_libc_version()};
    }
    explicit libc_memory(const place&) {}
    char* allocate(std::size_t bytes) { return static_cast<char*>(std::malloc(bytes)); }
    void give_back(char* memory) { std::free(memory); }
};

#ifdef VALPOOL_BENCH_PEERS
class mimalloc_memory {
public:
    static contestant who() {
        std::string digits = std::to_string(mi_version());  // 209 is 2.0.9
        for (std::size_t i = digits.size() - 1; i > 0; --i) digits.insert(i, ".");
        return {kind::peer, "mimalloc", "mimalloc " + digits};
    }
    explicit mimalloc_memory(const place&) {}
    char* allocate(std::size_t bytes) { return static_cast<char*>(mi_malloc(bytes)); }
    void give_back(char* memory) { mi_free(memory); }
};
#endif

/// Blocks that live meanwhile, with holes among them: of a fourth more, some have been given back,
/// in random order.
template <class Memory>
class live_set {
public:
    live_set(Memory& memory, const setting& s) : memory_(memory), bytes_(s.live_bytes()) {
        for (std::size_t i = 0; i < s.live + s.live / 4; ++i) blocks_.push_back(new_block());
        std::shuffle(blocks_.begin(), blocks_.end(), random_);
        while (blocks_.size() > s.live) {
            memory_.give_back(blocks_.back());
            blocks_.pop_back();
        }
    }
    ~live_set() {
        for (char* const block : blocks_) memory_.give_back(block);
    }
    live_set(const live_set&) = delete;
    live_set& operator=(const live_set&) = delete;

    void replace_one() {
        char*& block = blocks_[random_() % blocks_.size()];
        memory_.give_back(block);
        block = new_block();
    }

private:
    char* new_block() {
        char* const block = memory_.allocate(bytes_);
        *block = 1;
        return block;
    }
    Memory& memory_;
    std::size_t bytes_;
    std::minstd_rand random_{1};
    std::vector<char*> blocks_;
};

constexpr std::size_t batch = 16;

template <class Memory>
void allocate_and_give_back(Memory& memory, std::size_t bytes) {
    char* blocks[batch];
    for (char*& block : blocks) {
        block = memory.allocate(bytes);
        *block = 1;
        benchmark::DoNotOptimize(block);
    }
    for (char* const block : blocks) memory.give_back(block);
}

template <class Memory>
void measure_alone(benchmark::State& state, const setting& s) {
    const shm_name pool_name("memory");
    Memory memory({pool_name, s.pool_bytes(1), true});
    const live_set<Memory> live(memory, s);
    for (auto _ : state) allocate_and_give_back(memory, s.block_bytes);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

template <class Memory>
void measure_replacing(benchmark::State& state, const setting& s) {
    const shm_name pool_name("memory");
    Memory memory({pool_name, s.pool_bytes(1), true});
    live_set<Memory> live(memory, s);
    for (auto _ : state)
        for (std::size_t i = 0; i < batch; ++i) live.replace_one();
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

/// Two processes at once, each with half of the live set; the mean of what they see.
template <class Memory>
measurements measure_together(const setting& s, const options& o) {
    struct board {
        barrier ready;
        barrier done;
        double ns[2] = {};
    };
    const shm_name pool_name("memory");
    const shared<board> b;
    const auto work = [&](bool is_first) {
        Memory memory({pool_name, s.pool_bytes(2), is_first});
        const live_set<Memory> live(memory, {s.block_bytes, s.live / 2});
        b->ready.arrive_and_wait(2);
        const auto began = clock_type::now();
        std::size_t pairs = 0;
        for (; seconds_since(began) < o.seconds / 2; pairs += 64 * batch)
            for (int i = 0; i < 64; ++i) allocate_and_give_back(memory, s.block_bytes);
        b->ns[is_first ? 0 : 1] = 1e9 * seconds_since(began) / static_cast<double>(pairs);
        b->done.arrive_and_wait(2);
    };
    run_processes({{0, [&] { work(true); }}, {1, [&] { work(false); }}}, longest_measurement);
    return {{"time", "ns a pair", (b->ns[0] + b->ns[1]) / 2}};
}

template <class Memory>
void add(micro_contest& alone, contest& together, const options& o) {
    const std::int64_t batches = o.is_quick ? 2'000 : 500'000;
    const std::size_t many = o.is_quick ? 100'000 : 1'000'000;
    for (const std::size_t bytes : {64u, 256u, 4096u, 65536u}) {
        for (const std::size_t live : {std::size_t{0}, many}) {
            const setting s{bytes, live};
            alone.add(Memory::who(), "one process, " + s.name(), batches,
                      [s](benchmark::State& state) { measure_alone<Memory>(state, s); });
            together.add(Memory::who(), "two processes, " + s.name(),
                         [s](const options& how) { return measure_together<Memory>(s, how); });
        }
        if (bytes > setting::most_live_bytes) continue;
        const setting s{bytes, many};
        alone.add(Memory::who(), "one process, replacing any of " + s.name(), batches / 4,
                  [s](benchmark::State& state) { measure_replacing<Memory>(state, s); });
    }
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    micro_contest alone("W6", "ns a pair");
    contest together("W6");
    add<pool_memory>(alone, together, o);
    add<libc_memory>(alone, together, o);
#ifdef VALPOOL_BENCH_PEERS
    add<mimalloc_memory>(alone, together, o);
#else
    together.add_missing({kind::peer, "mimalloc", "mimalloc"},
                         "built without VALPOOL_BUILD_BENCH_PEERS");
#endif
    together.add(valpool_contestant("valpool", "StreamingPool"), "a packet of W1",
                 valpool_packet_size<record>);
    const int result = together.run(o);
    return std::max(result, alone.run(o));
}
