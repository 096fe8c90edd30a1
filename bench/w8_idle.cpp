/// W8: what waiting costs, how soon those who wait notice a death, and how long the first packet
/// takes after a long wait; beside a bare futex.

#include "support/bystander.hpp"
#include "support/contest.hpp"
#include "support/futex.hpp"
#include "support/process.hpp"
#include "support/stream.hpp"
#include "support/valpool_transport.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>

using namespace valpool;
using namespace valpool::bench;

namespace {

void sleep_for(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

double processor_seconds() {
    rusage used;
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

measurements idle_consumers(const options& o) {
    constexpr int consumers = 10;
    const double wait_s = o.is_quick ? 1 : 10;
    struct board {
        barrier ready;
        double used_s[consumers] = {};
    };
    const shm_name pool_name("idle");
    const shared<board> b;
    const auto wake_in_the_end = [&] {
        SHMMain main(pool_name, 4 * mebibyte);
        ServerSide server(pool_name, "packets", consumers);
        main.start();
        server.start();
        b->ready.arrive_and_wait(consumers + 1);
        sleep_for(wait_s);
        for (int i = 0; i < consumers; ++i) server.pipe().enq(Val("wake up"));
    };
    std::vector<role> roles{{role::anywhere, wake_in_the_end}};
    for (double& used_s : b->used_s)
        roles.push_back({role::anywhere, [&] {
                             ClientSide client(pool_name, "packets");
                             client.start();
                             b->ready.arrive_and_wait(consumers + 1);
                             const double before_s = processor_seconds();
                             client.pipe().deq();
                             used_s = processor_seconds() - before_s;
                         }});
    run_processes(roles, longest_measurement);
    double used_s = 0;
    for (const double each : b->used_s) used_s += each;
    return {{"processor", "% of a core", 100 * used_s / wait_s}};
}

double processor_seconds(const std::vector<bystander>& all) {
    double seconds = 0;
    for (const bystander& one : all) seconds += one.processor_seconds();
    return seconds;
}

/// From the kill of a process until what it held is poisoned, in milliseconds. Whoever measures
/// reads only, which notices nobody's death.
double time_until_a_death_is_noticed(const shm_name& pool_name, ServerSide& tables) {
    const Val table = Shared(tables.pool(), Tab{{"a", 1}});
    const shared<barrier> ready;
    bystander victim([&] {
        ClientSide client(pool_name, "tables");
        client.start();
        const Val mine = client.pipe().deq();
        const TransactionLock lock(mine);
        ready->arrive_and_wait(2);
        for (;;) pause();
    });
    tables.pipe().enq(table);
    ready->arrive_and_wait(2);
    const std::int64_t killed_ns = now_ns();
    victim.end();
    try {
        while (table("a") == 1) sleep_for(0.0005);
    } catch (const PoisonedError&) {
        return static_cast<double>(now_ns() - killed_ns) * 1e-6;
    }
    throw std::runtime_error("a table has changed");
}

/// Many that sleep in a pool: what they take together, and how soon they notice a death.
measurements many_idle_consumers(std::size_t consumers, const options& o) {
    const double warm_up_s = o.is_quick ? 0.3 : 3;
    const double wait_s = o.is_quick ? 0.7 : 5;
    const int deaths = o.is_quick ? 1 : 5;
    if (o.is_quick) consumers = 20;
    struct board {
        double used_s = 0;
        double median_ms = 0;
        double worst_ms = 0;
    };
    const shm_name pool_name("idle");
    const shared<board> b;
    const auto measure = [&] {
        SHMMain main(pool_name, 256 * mebibyte);
        main.start();
        ServerSide packets(pool_name, "packets", 4);
        ServerSide tables(pool_name, "tables", 4);
        packets.start();
        tables.start();
        const shared<barrier> ready;
        const auto everybody = static_cast<std::uint32_t>(consumers + 1);
        std::vector<bystander> all;
        for (std::size_t i = 0; i < consumers; ++i)
            all.emplace_back([&] {
                ClientSide client(pool_name, "packets");
                client.start();
                ready->arrive_and_wait(everybody);
                client.pipe().deq();
            });
        ready->arrive_and_wait(everybody);
        sleep_for(warm_up_s);
        const double before_s = processor_seconds(all);
        sleep_for(wait_s);
        b->used_s = processor_seconds(all) - before_s;
        std::vector<double> times;
        for (int i = 0; i < deaths; ++i) {
            sleep_for(0.1 + 0.037 * i);  // in different phases of their sleeps
            times.push_back(time_until_a_death_is_noticed(pool_name, tables));
        }
        b->median_ms = median(times);
        b->worst_ms = *std::max_element(times.begin(), times.end());
    };
    run_processes({{role::anywhere, measure}}, longest_measurement);
    return {{"processor", "% of a core", 100 * b->used_s / wait_s},
            {"death noticed, median", "ms", b->median_ms},
            {"death noticed, worst", "ms", b->worst_ms}};
}

/// A packet that says when it was sent.
class pipe_wake {
public:
    pipe_wake() : pool_name_("wake") {}

    class sender {
    public:
        explicit sender(const pipe_wake& w)
            : main_(w.pool_name_, 4 * mebibyte), server_(w.pool_name_, "packets", 4) {
            main_.start();
            server_.start();
        }
        void send() {
            Val data = Shared(server_.pool(), Tab());
            data["sent_ns"] = now_ns();
            server_.pipe().enq(std::move(data));
        }

    private:
        SHMMain main_;
        ServerSide server_;
    };

    class receiver {
    public:
        explicit receiver(const pipe_wake& w) : client_(w.pool_name_, "packets") {
            client_.start();
        }
        std::int64_t receive() {
            const Val data = client_.pipe().deq();
            return data["sent_ns"];
        }

    private:
        ClientSide client_;
    };

private:
    shm_name pool_name_;
};

/// The same with nothing around it.
class futex_wake {
    struct mail {
        futex_word word;
        std::int64_t sent_ns = 0;
    };

public:
    class sender {
    public:
        explicit sender(const futex_wake& w) : mail_(*w.mail_) {}
        void send() {
            mail_.sent_ns = now_ns();
            mail_.word.set_and_wake(++count_);
        }

    private:
        mail& mail_;
        std::uint32_t count_ = 0;
    };

    class receiver {
    public:
        explicit receiver(const futex_wake& w) : mail_(*w.mail_) {}
        std::int64_t receive() {
            count_ = mail_.word.sleep_while(count_);
            return mail_.sent_ns;
        }

    private:
        mail& mail_;
        std::uint32_t count_ = 0;
    };

private:
    shared<mail> mail_;
};

/// From the sender's looking at the clock until the receiver, who has waited long, has the packet.
template <class Transport>
measurements first_after_a_long_wait(const options& o) {
    constexpr int wakes = 15;
    const double wait_s = o.is_quick ? 0.05 : 0.3;
    struct board {
        barrier ready;
        barrier done;
        double latency_us = 0;
    };
    const Transport transport;
    const shared<board> b;
    const auto send = [&] {
        typename Transport::sender sender(transport);
        b->ready.arrive_and_wait(2);
        for (int i = 0; i < wakes; ++i) {
            sleep_for(wait_s);
            sender.send();
        }
        b->done.arrive_and_wait(2);
    };
    const auto receive = [&] {
        typename Transport::receiver receiver(transport);
        b->ready.arrive_and_wait(2);
        std::vector<double> times;
        for (int i = 0; i < wakes; ++i) {
            const std::int64_t sent_ns = receiver.receive();
            times.push_back(static_cast<double>(now_ns() - sent_ns) / 1000);
        }
        b->latency_us = median(times);
        b->done.arrive_and_wait(2);
    };
    run_processes({{0, send}, {1, receive}}, longest_measurement);
    return {{"latency", "us", b->latency_us}};
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    contest c("W8");
    c.add(valpool_contestant("valpool", "waiting"), "ten waiting consumers", idle_consumers);
    for (const std::size_t consumers : {100U, 400U, 1000U})
        c.add(valpool_contestant("valpool", "waiting"),
              std::to_string(consumers) + " waiting consumers",
              [=](const options& given) { return many_idle_consumers(consumers, given); });
    c.add(valpool_contestant("valpool", "waiting"), "first packet after a long wait",
          first_after_a_long_wait<pipe_wake>);
    c.add({kind::limit, "futex", "limit: bare futex"}, "first packet after a long wait",
          first_after_a_long_wait<futex_wake>);
    return c.run(o);
}
