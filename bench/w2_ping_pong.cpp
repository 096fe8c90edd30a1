/// W2: a small table there and back over two pipes. Spinning: both ends look again and again, on
/// two processors; beside it, one cache line that two processes write in turn. Sleeping: both ends
/// on one processor, where spinning gets nowhere; beside it, a bare futex. That a valpool pipe does
/// not sleep there, but gives way to its peer, is why there is a row in which it is told to sleep.
/// As usual: what each does by itself on two processors.

#include "support/futex.hpp"
#include "support/ping_pong.hpp"
#include "support/valpool_transport.hpp"

#include <cstdint>
#include <utility>

using namespace valpool;
using namespace valpool::bench;

namespace {

/// The same table all the time; its number is written anew before each trip. `SleepsAtOnce`: who
/// waits neither looks nor gives way to others first.
template <waiting Waiting, bool SleepsAtOnce = false>
class table_ping_pong {
public:
    table_ping_pong() : pool_name_("ping_pong") {}

    class near_end {
    public:
        explicit near_end(const table_ping_pong& t)
            : main_(t.pool_name_, 4 * mebibyte),
              there_(t.pool_name_, "there", 4),
              back_(t.pool_name_, "back", 4) {
            main_.start();
            there_.start();
            back_.start();
            if (SleepsAtOnce) back_.pipe().spin(0);
            table_ = Shared(there_.pool(), Tab{{"number", 0}, {"value", 0.5}});
        }
        void round_trip(std::uint32_t number) {
            table_["number"] = number;
            there_.pipe().enq(std::move(table_));
            take(back_.pipe(), Waiting, table_);
            expect_packet(table_["number"], number);
        }

    private:
        SHMMain main_;
        ServerSide there_;
        ServerSide back_;
        Val table_;
    };

    class far_end {
    public:
        explicit far_end(const table_ping_pong& t)
            : there_(t.pool_name_, "there"), back_(t.pool_name_, "back") {
            there_.start();
            back_.start();
            if (SleepsAtOnce) there_.pipe().spin(0);
        }
        bool answer(std::uint32_t number) {
            take(there_.pipe(), Waiting, table_);
            const std::uint32_t got = table_["number"];
            if (got != 0) expect_packet(got, number);
            back_.pipe().enq(std::move(table_));
            return got != 0;
        }

    private:
        ClientSide there_;
        ClientSide back_;
        Val table_;
    };

private:
    shm_name pool_name_;
};

/// A number, raised by the two ends in turn.
template <waiting Waiting>
class bare_ping_pong {
public:
    class near_end {
    public:
        explicit near_end(const bare_ping_pong& p) : turns_(*p.word_, Waiting) {}
        void round_trip(std::uint32_t number) { turns_.there_and_back(number); }

    private:
        turns turns_;
    };

    class far_end {
    public:
        explicit far_end(const bare_ping_pong& p) : turns_(*p.word_, Waiting) {}
        bool answer(std::uint32_t number) {
            return turns_.answer(number, [] {});
        }

    private:
        turns turns_;
    };

private:
    shared<futex_word> word_;
};

template <class Transport>
contest::body measures(placement where) {
    return [where](const options& o) -> measurements {
        const round_trip_time time = measure_round_trips(Transport(), where, o);
        return {{"median", "ns", time.median_ns}, {"p99", "ns", time.p99_ns}};
    };
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    contest c("W2");
    const contestant valpool = valpool_contestant("valpool", "a table of two fields");
    const contestant cache_line{kind::limit, "cache_line", "limit: one cache line"};
    const contestant futex{kind::limit, "futex", "limit: bare futex"};
    c.add(valpool, "spinning", measures<table_ping_pong<waiting::spinning>>(two_processors));
    c.add(cache_line, "spinning", measures<bare_ping_pong<waiting::spinning>>(two_processors));
    c.add(valpool, "sleeping", measures<table_ping_pong<waiting::as_usual>>(one_processor));
    c.add(valpool_contestant("valpool_sleep", "a table of two fields, told to sleep at once"),
          "sleeping", measures<table_ping_pong<waiting::as_usual, true>>(one_processor));
    c.add(futex, "sleeping", measures<bare_ping_pong<waiting::as_usual>>(one_processor));
    c.add(valpool, "as usual", measures<table_ping_pong<waiting::as_usual>>(two_processors));
    c.add(futex, "as usual", measures<bare_ping_pong<waiting::as_usual>>(two_processors));
    return c.run(o);
}
