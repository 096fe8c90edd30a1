/// W3: an Array<real_8> goes to another process and comes back. Untouched: how often, which must
/// not depend on its size. Copied: the sender copies it in from memory of its own, and the receiver
/// out into its own; in place: the sender fills it, and the receiver sums it up. The limit does the
/// same through plain shared memory, and both hand over by spinning. In a stream: filled, passed,
/// summed up and freed, beside serialisers, for which the numbers are a blob.

#include "support/futex.hpp"
#include "support/ping_pong.hpp"
#include "support/stream.hpp"
#include "support/valpool_transport.hpp"

#ifdef VALPOOL_BENCH_PEERS
#include "peers/flex_buffers.hpp"
#include "peers/message_pack.hpp"
#include "peers/packed_transport.hpp"
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace valpool;
using namespace valpool::bench;

namespace {

/// In several sums at once, so that memory is the limit and not the latency of an addition. A
/// message's numbers need not be aligned. Not inline: all contestants run the very same loop.
[[gnu::noinline]] real_8 sum_of(std::span<const std::byte> numbers) {
    constexpr std::size_t lanes = 16;
    real_8 sums[lanes] = {};
    const std::size_t count = numbers.size() / sizeof(real_8);
    const auto number = [&](std::size_t i) {
        real_8 value;
        std::memcpy(&value, &numbers[i * sizeof value], sizeof value);
        return value;
    };
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) sums[j] += number(i + j);
    real_8 sum = 0;
    for (; i < count; ++i) sum += number(i);
    for (const real_8 s : sums) sum += s;
    return sum;
}

enum class work { untouched, copied, in_place };

/// What the two ends do with the numbers: those of round trip n are all n, or at least the first,
/// the middle and the last one are.
class number_worker {
public:
    number_worker(work w, std::size_t count) : work_(w), own_(w == work::copied ? count : 0) {}

    // Not inline: all contestants run the very same loops.
    [[gnu::noinline]] void write(std::span<real_8> numbers, std::uint32_t n) {
        if (work_ == work::copied) {
            for (real_8* const marked : marks(own_)) *marked = n;
            std::memcpy(numbers.data(), own_.data(), numbers.size_bytes());
        } else if (work_ == work::in_place) {
            std::fill(numbers.begin(), numbers.end(), n);
        }
    }
    [[gnu::noinline]] void read(std::span<real_8> numbers, std::uint32_t n) {
        if (work_ == work::copied) {
            std::memcpy(own_.data(), numbers.data(), numbers.size_bytes());
            for (const real_8* const marked : marks(own_)) expect_content(*marked == n, n);
        } else if (work_ == work::in_place) {
            const real_8 sum = sum_of(std::as_bytes(numbers));
            expect_content(sum == static_cast<real_8>(numbers.size()) * n, n);
        }
    }

private:
    static std::array<real_8*, 3> marks(std::span<real_8> numbers) {
        return {&numbers.front(), &numbers[numbers.size() / 2], &numbers.back()};
    }
    work work_;
    std::vector<real_8> own_;
};

struct task {
    std::size_t count;  // of numbers
    work todo;
    waiting how = waiting::spinning;
};

class pooled_array {
public:
    explicit pooled_array(const task& t) : task_(t), pool_name_("array") {}

    class near_end {
    public:
        explicit near_end(const pooled_array& p)
            : task_(p.task_),
              worker_(p.task_.todo, p.task_.count),
              main_(p.pool_name_, p.task_.count * sizeof(real_8) + 4 * mebibyte),
              there_(p.pool_name_, "there", 4),
              back_(p.pool_name_, "back", 4) {
            main_.start();
            there_.start();
            back_.start();
            packet_ = Shared(there_.pool(), Array<real_8>());
            Array<real_8>& numbers = packet_;
            numbers.expandTo(task_.count);
        }
        void round_trip(std::uint32_t n) {
            if (n != 0) worker_.write(numbers_in(packet_), n);
            there_.pipe().enq(n == 0 ? Val() : std::move(packet_));
            take(back_.pipe(), task_.how, packet_);
            expect_packet(static_cast<std::int64_t>(packet_.length()),
                          n == 0 ? 0 : static_cast<std::int64_t>(task_.count));
        }

    private:
        task task_;
        number_worker worker_;
        SHMMain main_;
        ServerSide there_;
        ServerSide back_;
        Val packet_;
    };

    class far_end {
    public:
        explicit far_end(const pooled_array& p)
            : how_(p.task_.how),
              worker_(p.task_.todo, p.task_.count),
              there_(p.pool_name_, "there"),
              back_(p.pool_name_, "back") {
            there_.start();
            back_.start();
        }
        bool answer(std::uint32_t n) {
            Val packet;
            take(there_.pipe(), how_, packet);
            const bool is_last = packet.isNone();
            if (!is_last) worker_.read(numbers_in(packet), n);
            back_.pipe().enq(std::move(packet));
            return !is_last;
        }

    private:
        waiting how_;
        number_worker worker_;
        ClientSide there_;
        ClientSide back_;
    };

private:
    static std::span<real_8> numbers_in(const Val& packet) {
        Array<real_8>& numbers = packet;
        return numbers.span();
    }

    task task_;
    shm_name pool_name_;
};

/// The limit: memory that both have mapped, and a number that says whose turn it is.
class plain_array {
public:
    explicit plain_array(const task& t)
        : task_(t), turn_(t.count * sizeof(real_8), std::make_tuple()) {}

    class near_end {
    public:
        explicit near_end(const plain_array& p)
            : turns_(*p.turn_, p.task_.how),
              numbers_(p.numbers()),
              worker_(p.task_.todo, p.task_.count) {}
        void round_trip(std::uint32_t n) {
            if (n != 0) worker_.write(numbers_, n);
            turns_.there_and_back(n);
        }

    private:
        turns turns_;
        std::span<real_8> numbers_;
        number_worker worker_;
    };

    class far_end {
    public:
        explicit far_end(const plain_array& p)
            : turns_(*p.turn_, p.task_.how),
              numbers_(p.numbers()),
              worker_(p.task_.todo, p.task_.count) {}
        bool answer(std::uint32_t n) {
            return turns_.answer(n, [&] { worker_.read(numbers_, n); });
        }

    private:
        turns turns_;
        std::span<real_8> numbers_;
        number_worker worker_;
    };

private:
    std::span<real_8> numbers() const {
        return {reinterpret_cast<real_8*>(&*turn_ + 1), task_.count};
    }
    task task_;
    shared<futex_word> turn_;
};

std::string size_name(std::size_t count) {
    return std::to_string(count * sizeof(real_8) / 1000000) + " MB";
}

template <class Transport>
measurements passes(const task& t, const options& o) {
    const double ns = measure_round_trips(Transport(t), two_processors, o).median_ns;
    return {{"passes", "passes/s", 2e9 / ns}};
}

/// Of the bytes that are written and read in a round trip, counted once.
template <class Transport>
measurements bandwidth(const task& t, const options& o) {
    const double ns = measure_round_trips(Transport(t), two_processors, o).median_ns;
    return {{"bandwidth", "GB/s", static_cast<double>(t.count * sizeof(real_8)) / ns}};
}

void add_worked_on(contest& c, std::size_t count, work todo, const std::string& what) {
    const std::string variant = what + ", " + size_name(count);
    const task spinning{count, todo, waiting::spinning};
    const task as_usual{count, todo, waiting::as_usual};
    c.add(valpool_contestant("valpool", "spinning"), variant,
          [=](const options& o) { return bandwidth<pooled_array>(spinning, o); });
    c.add(valpool_contestant("valpool_as_usual", "waiting as usual"), variant,
          [=](const options& o) { return bandwidth<pooled_array>(as_usual, o); });
    c.add({kind::limit, "plain", "limit: plain shared memory, spinning"}, variant,
          [=](const options& o) { return bandwidth<plain_array>(spinning, o); });
}

/// The machine's own limit, in one process.
measurements memcpy_bandwidth(std::size_t count, const options& o) {
    const shared<double> median_ns;
    const auto copy = [&] {
        number_worker worker(work::copied, count);
        std::vector<real_8> other(count);
        const auto began = clock_type::now();
        std::vector<double> times;
        for (std::uint32_t n = 1; seconds_since(began) < o.seconds || n < 5; ++n) {
            const std::int64_t started = now_ns();
            worker.write(other, n);
            times.push_back(static_cast<double>(now_ns() - started));
        }
        *median_ns = median(times);
    };
    run_processes({{0, copy}}, longest_measurement);
    return {{"bandwidth", "GB/s", static_cast<double>(count * sizeof(real_8)) / *median_ns}};
}

/// The packet of a stream: its number, and so many times that number.
template <std::size_t Count>
struct numbers {
    static constexpr std::size_t most_bytes = Count * sizeof(real_8) + 256;  // as a message

    static void build(Val& data, std::int64_t sequence_number) {
        data["sequence_number"] = sequence_number;
        Array<real_8>& all = data["numbers"] = Array<real_8>();
        all.expandForOverwrite(Count);
        const std::span<real_8> span = all.span();
        std::fill(span.begin(), span.end(), static_cast<real_8>(sequence_number));
    }
    /// From memory of the sender's own.
    template <class Writer>
    static void write(Writer& w, std::int64_t sequence_number) {
        static std::vector<real_8> own(Count);
        std::fill(own.begin(), own.end(), static_cast<real_8>(sequence_number));
        w.map(2);
        w.integer("sequence_number", sequence_number);
        w.blob("numbers", std::as_bytes(std::span(own)));
        w.end_map();
    }
    template <class Values, class Table>
    static std::int64_t check(const Table& data) {
        const std::int64_t number = Values::integer(Values::at(data, "sequence_number"));
        const std::span<const std::byte> all = Values::blob(Values::at(data, "numbers"));
        expect_content(all.size() == Count * sizeof(real_8) &&
                           sum_of(all) == static_cast<real_8>(Count) * static_cast<real_8>(number),
                       number);
        return number;
    }
};

template <std::size_t Count>
void add_stream(contest& c, const std::string& size, int packets) {
    using payload = numbers<Count>;
    const std::string variant =
        "a stream of " + size + " arrays, capacity " + std::to_string(packets);
    c.add(valpool_contestant("valpool_move", "handed over"), variant, [packets](const options& o) {
        return packets_per_second(valpool_transport<payload, giving::moved>(packets), o);
    });
#ifdef VALPOOL_BENCH_PEERS
    add_packed<message_pack, payload>(c, variant, static_cast<std::size_t>(packets));
    add_packed<flex_buffers, payload>(c, variant, static_cast<std::size_t>(packets));
#endif
}

template <std::size_t Count>
void add_sizes(contest& c, const std::string& variant) {
    c.add(valpool_contestant("valpool_size", "its bytes in the pool"), variant,
          valpool_packet_size<numbers<Count>>);
#ifdef VALPOOL_BENCH_PEERS
    add_packed_size<message_pack, numbers<Count>>(c, variant);
    add_packed_size<flex_buffers, numbers<Count>>(c, variant);
#endif
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    contest c("W3");
    for (const std::size_t count : {125'000u, 1'250'000u, 10'000'000u}) {
        const task untouched{count, work::untouched, waiting::as_usual};
        c.add(valpool_contestant("valpool_as_usual", "waiting as usual"),
              "untouched, " + size_name(count),
              [=](const options& how) { return passes<pooled_array>(untouched, how); });
        add_worked_on(c, count, work::copied, "copied in and out");
        add_worked_on(c, count, work::in_place, "filled and summed in place");
        c.add({kind::limit, "memcpy", "limit: memcpy in one process"},
              "one copy, " + size_name(count),
              [=](const options& how) { return memcpy_bandwidth(count, how); });
    }
    constexpr std::size_t short_count = 1'000;
    constexpr std::size_t long_count = 125'000;
    add_stream<short_count>(c, "8 KB", 4);
    add_stream<short_count>(c, "8 KB", 1024);
    add_stream<long_count>(c, "1 MB", 4);
    add_sizes<short_count>(c, "a packet of 8 KB");
#ifndef VALPOOL_BENCH_PEERS
    const std::string reason = "built without VALPOOL_BUILD_BENCH_PEERS";
    c.add_missing({kind::peer, "msgpack_ring", "MessagePack"}, reason);
    c.add_missing({kind::peer, "flexbuffers_ring", "FlexBuffers"}, reason);
#endif
    return c.run(o);
}
