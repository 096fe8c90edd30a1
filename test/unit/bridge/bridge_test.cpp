#include "unit/bridge/faulty_transport.hpp"

#include "bridge/message.hpp"
#include "bridge/pace.hpp"
#include "bridge/receiver.hpp"
#include "bridge/sender.hpp"
#include "support/random_value.hpp"
#include "support/started_pool.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace valpool;
using namespace valpool::bridge;
using namespace valpool::test;

namespace {

/// Two pools and an engine between them. Both ways can be ended and begun again, as a bridge that
/// was killed is.
class two_hosts {
public:
    explicit two_hosts(faulty_engine::faults f = {}, unsigned seed = 1, int far_capacity = 16)
        : near_pool("near", 8 << 20),
          far_pool("far", 8 << 20),
          near_side(near_pool.name, "lab", 64),
          far_side(far_pool.name, "lab", far_capacity),
          engine(f, seed) {
        near_side.start();
        far_side.start();
    }
    ~two_hosts() {
        stop_sending();
        stop_receiving();
    }
    two_hosts(const two_hosts&) = delete;
    two_hosts& operator=(const two_hosts&) = delete;

    CQ& near() { return near_side.pipe(); }
    CQ& far() { return far_side.pipe(); }

    void start_sending(std::size_t most_packets_a_message = 64) {
        stops_sending_ = false;
        packets_ = packets_of(near());
        sender_limits limits;
        limits.most_packets = 32;
        limits.most_packets_a_message = most_packets_a_message;
        limits.patience = std::chrono::milliseconds(100);
        sender_ = std::make_unique<sender>(
            *packets_, near().identity(), [this](outlet_events& e) { return engine.way_out(e); },
            limits);
        sending_ = std::thread([this] { sender_->run([this] { return stops_sending_.load(); }); });
    }
    void stop_sending() {
        if (!sending_.joinable()) return;
        stops_sending_ = true;
        sending_.join();
        sender_.reset();
    }
    void start_receiving(receiver_options options = {}) {
        stops_receiving_ = false;
        inlet_ = engine.way_in();
        receiver_ = std::make_unique<receiver>(far(), *inlet_, options);
        receiving_ =
            std::thread([this] { receiver_->run([this] { return stops_receiving_.load(); }); });
    }
    void stop_receiving() {
        if (!receiving_.joinable()) return;
        stops_receiving_ = true;
        receiving_.join();
        receiver_.reset();
    }
    sender_status sent() const { return sender_->status(); }
    receiver_status received() const { return receiver_->status(); }

    Val share(int i) { return near_pool.share(i); }
    void fill(int first, int last) {
        for (int i = first; i <= last; ++i) near().enq(share(i));
    }
    /// Takes that many packets out of the far pipe: they must be first, first + 1, ...
    void expect(int first, int last) {
        for (int i = first; i <= last; ++i) {
            Val packet;
            BOOST_REQUIRE_MESSAGE(far().dequeue(20.0, packet), "packet " << i << " is missing");
            BOOST_REQUIRE_EQUAL(static_cast<int>(packet("i")), i);
        }
    }
    void expect_nothing_more() {
        BOOST_TEST(eventually([&] { return engine.is_empty(); }));
        Val packet;
        BOOST_TEST(!far().dequeue(0.05, packet));
        BOOST_TEST(eventually([&] { return near().length() + near().leased() == 0; }));
    }

    started_pool near_pool;
    started_pool far_pool;
    ServerSide near_side;
    ServerSide far_side;
    faulty_engine engine;

private:
    std::unique_ptr<packet_source> packets_;
    std::unique_ptr<sender> sender_;
    std::unique_ptr<inlet> inlet_;
    std::unique_ptr<receiver> receiver_;
    std::atomic<bool> stops_sending_{false};
    std::atomic<bool> stops_receiving_{false};
    std::thread sending_;
    std::thread receiving_;
};

message_header header_of(std::string_view source, std::uint64_t number, std::uint64_t previous,
                         std::uint64_t confirmed = 0) {
    message_header h;
    h.source = source;
    h.number = number;
    h.previous = previous;
    h.confirmed = confirmed;
    return h;
}

/// A message of one part with that table.
std::string message_of(message_header h, int i) {
    const std::string body = to_cbor(Tab{{"i", i}});
    h.packet_bytes = body.size();
    return encoded(h) + body;
}

/// Throws for bytes that are more than a message.
message only_message(std::string_view bytes) {
    const message m = take_message(bytes);
    if (!bytes.empty()) throw std::runtime_error("there is something behind it");
    return m;
}

unsigned seed_of_run() {
    const char* const text = std::getenv("VALPOOL_SEED");
    return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(messages)

BOOST_AUTO_TEST_CASE(a_header_comes_back_as_it_was_sent) {
    message_header h = header_of("source", 1ULL << 40, 7, 5);
    h.part = 1;
    h.parts = 3;
    h.packet_bytes = 1000;
    h.is_late = true;
    const std::string bytes = encoded(h) + "payload";
    const message m = only_message(bytes);
    BOOST_TEST(m.header.source == "source");
    BOOST_TEST(m.header.number == 1ULL << 40);
    BOOST_TEST(m.header.previous == 7u);
    BOOST_TEST(m.header.confirmed == 5u);
    BOOST_TEST(m.header.packet_bytes == 1000u);
    BOOST_TEST(m.header.part == 1u);
    BOOST_TEST(m.header.parts == 3u);
    BOOST_TEST(m.header.is_late);
    BOOST_TEST(m.payload == "payload");
}

BOOST_AUTO_TEST_CASE(the_first_bytes_are_the_same_on_every_host) {
    const std::string bytes = encoded(header_of("s", 0x0102, 0x0101));
    BOOST_TEST(bytes.substr(0, 8) == "valpool1");
    BOOST_TEST(bytes.substr(8, 8) == std::string("\0\0\0\0\0\0\1\2", 8));
    BOOST_TEST(bytes.size() == 53u);
}

BOOST_AUTO_TEST_CASE(what_contradicts_itself_is_refused) {
    const auto is_refused = [](message_header h, const std::string& payload = "x") {
        BOOST_CHECK_THROW(only_message(encoded(h) + payload), std::runtime_error);
    };
    message_header good = header_of("s", 2, 1);
    good.packet_bytes = 1;
    BOOST_CHECK_NO_THROW(only_message(encoded(good) + "x"));
    for (const auto& spoil : std::vector<std::function<void(message_header&)>>{
             [](message_header& h) { h.number = 0; }, [](message_header& h) { h.previous = 2; },
             [](message_header& h) { h.parts = 0; }, [](message_header& h) { h.part = 1; },
             [](message_header& h) { h.packet_bytes = 0; },
             [](message_header& h) { h.packet_bytes = 2; },
             [](message_header& h) { h.source = ""; }, [](message_header& h) { h.parts = 5; }}) {
        message_header bad = good;
        spoil(bad);
        is_refused(bad);
    }
    is_refused(good, "xx");
    message_header long_name = good;
    const std::string name(longest_source + 1, 'n');
    long_name.source = name;
    is_refused(long_name);
}

BOOST_AUTO_TEST_CASE(whole_packets_stand_one_behind_the_other_and_a_part_takes_the_rest) {
    const std::string one = message_of(header_of("source", 1, 0), 1);
    message_header part = header_of("source", 2, 1);
    part.parts = 2;
    part.packet_bytes = 1000;
    const std::string bytes = one + one + encoded(part) + one;
    std::string_view rest = bytes;
    for (int i = 0; i < 2; ++i) {
        const message m = take_message(rest);
        BOOST_TEST(m.header.number == 1u);
        BOOST_TEST(m.payload == to_cbor(Tab{{"i", 1}}));
    }
    BOOST_TEST(take_message(rest).payload == one);
    BOOST_TEST(rest.empty());
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_message_stay_as_they_were) {
    const std::string bytes = message_of(header_of("source", 1, 0), 1) + "garbage";
    std::string_view rest = bytes;
    take_message(rest);
    BOOST_CHECK_THROW(take_message(rest), std::runtime_error);
    BOOST_TEST(rest == "garbage");
}

BOOST_AUTO_TEST_CASE(cut_and_changed_bytes_are_refused_or_read_within_bounds) {
    message_header h = header_of("source", 2, 1);
    h.packet_bytes = 3;
    const std::string good = encoded(h) + "abc";
    for (std::size_t n = 0; n < good.size(); ++n)
        BOOST_CHECK_THROW(only_message(std::string(good, 0, n)), std::runtime_error);
    for (std::size_t at = 0; at < good.size(); ++at)
        for (const char c : {'\0', '\1', '\x7f', '\x80', '\xff'}) {
            std::string bad = good;
            bad[at] = c;
            const std::unique_ptr<char[]> exact(new char[bad.size()]);  // so that a tool sees more
            bad.copy(exact.get(), bad.size());
            try {
                const message m = only_message({exact.get(), bad.size()});
                BOOST_TEST(m.payload.size() + m.header.source.size() <= bad.size());
            } catch (const std::runtime_error&) {
            }
        }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(both_ways)

BOOST_AUTO_TEST_CASE(packets_arrive_in_order_and_are_done_with_here) {
    const watchdog dog(60);
    two_hosts hosts;
    hosts.start_sending();
    hosts.start_receiving();
    hosts.fill(1, 50);
    hosts.expect(1, 50);
    hosts.expect_nothing_more();
    BOOST_TEST(hosts.sent().sent == 50u);
    BOOST_TEST(hosts.sent().confirmed == 50u);
    BOOST_TEST(hosts.received().delivered == 50u);
    BOOST_TEST(hosts.received().duplicates == 0u);
}

BOOST_AUTO_TEST_CASE(a_packet_of_any_kind_arrives_equal_also_in_parts) {
    const watchdog dog(120);
    faulty_engine::faults f;
    f.most_bytes = 200;
    two_hosts hosts(f);
    hosts.start_sending();
    hosts.start_receiving();
    valpool_test::random_values random(seed_of_run());
    for (int i = 0; i < 200; ++i) {
        const Val packet = random.value();
        hosts.near().enq(packet);
        Val got;
        BOOST_REQUIRE_MESSAGE(hosts.far().dequeue(20.0, got),
                              packet << " is missing: " << hosts.received().trouble);
        BOOST_TEST(to_cbor(got) == to_cbor(packet));
    }
    Array<real_8> large;
    for (int i = 0; i < 10'000; ++i) large.append(i);
    hosts.near().enq(Val(large));
    Val got;
    BOOST_REQUIRE(hosts.far().dequeue(20.0, got));
    BOOST_TEST((got == Val(large)));
    hosts.expect_nothing_more();
}

namespace {
void expect_all_once_and_in_order(std::size_t most_message_bytes) {
    const watchdog dog(300);
    const unsigned seed = seed_of_run();
    BOOST_TEST_MESSAGE("seed " << seed);
    faulty_engine::faults f;
    f.refusal = 0.02;
    f.lost_confirmation = 0.005;
    f.lost_message = 0.005;
    f.interruption = 0.05;
    f.reconnection = 0.005;
    f.room = 20;
    f.most_bytes = most_message_bytes;
    two_hosts hosts(f, seed);
    hosts.start_sending();
    hosts.start_receiving();
    std::mt19937 random(seed);
    constexpr int packets = 3000;
    std::thread producer([&hosts, own = random]() mutable {
        for (int i = 1; i <= packets; ++i) {
            Val packet = hosts.share(i);
            if (i % 5 == 0) packet["text"] = std::string(own() % 200, 'x');
            hosts.near().enq(packet);
        }
    });
    for (int i = 1; i <= packets; i += 100) {
        hosts.expect(i, i + 99);
        if (random() % 3 == 0) {
            hosts.stop_sending();
            hosts.start_sending();
        }
        if (random() % 3 == 0) {
            hosts.stop_receiving();
            hosts.start_receiving();
        }
    }
    producer.join();
    hosts.expect_nothing_more();
}
}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_lost_or_doubled_whatever_the_engine_does) {
    expect_all_once_and_in_order(4096);
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_or_doubled_where_packets_go_alone_or_in_parts) {
    expect_all_once_and_in_order(100);
}

BOOST_AUTO_TEST_CASE(packets_that_wait_go_together_as_few_messages) {
    const watchdog dog(60);
    two_hosts hosts;
    hosts.fill(1, 50);
    hosts.start_sending();
    BOOST_TEST(eventually([&] { return hosts.sent().confirmed == 50u; }));
    hosts.start_receiving();
    hosts.expect(1, 50);
    hosts.expect_nothing_more();
    BOOST_TEST(hosts.received().delivered == 50u);
    BOOST_TEST(hosts.received().received < 25u);
}

BOOST_AUTO_TEST_CASE(a_full_far_pipe_fills_the_engine_and_then_the_near_pipe) {
    const watchdog dog(60);
    faulty_engine::faults f;
    f.room = 10;
    two_hosts hosts(f, 1, 4);
    hosts.start_sending(1);
    hosts.start_receiving();
    int put = 0;
    while (hosts.near().enqueue(hosts.share(put + 1), 0.5)) ++put;
    // 4 far away, 10 in the engine, 64 here; one is in the receiver's hand, which is the engine's.
    BOOST_TEST(put == 78);
    BOOST_TEST(hosts.received().waiting_s > 0);
    hosts.expect(1, put);
    hosts.expect_nothing_more();
}

BOOST_AUTO_TEST_CASE(with_a_policy_the_far_pipe_drops_instead) {
    const watchdog dog(60);
    two_hosts hosts({}, 1, 4);
    receiver_options newest;
    newest.when_full = WhenFull::DropNewest;
    hosts.start_sending();
    hosts.start_receiving(newest);
    hosts.fill(1, 10);
    BOOST_TEST(eventually([&] { return hosts.received().dropped == 6u; }));
    hosts.expect(1, 4);
    hosts.expect_nothing_more();
    hosts.stop_receiving();
    receiver_options oldest;
    oldest.when_full = WhenFull::DropOldest;
    hosts.start_receiving(oldest);
    hosts.fill(11, 20);
    BOOST_TEST(eventually([&] { return hosts.received().delivered == 10u; }));
    hosts.expect(17, 20);
    hosts.expect_nothing_more();
}

BOOST_AUTO_TEST_CASE(a_packet_that_does_not_fit_the_far_pool_waits_for_memory) {
    const watchdog dog(60);
    two_hosts hosts;
    std::vector<Val> filling;
    try {
        for (;;) filling.push_back(Shared(hosts.far_pool.pool(), Arr{std::string(50'000, 'x')}));
    } catch (const PoolExhausted&) {
    }
    hosts.start_sending();
    hosts.start_receiving();
    hosts.near().enq(Tab{{"i", 1}, {"text", std::string(100'000, 'y')}});
    BOOST_TEST(eventually([&] { return hosts.received().waiting_s > 0; }));
    BOOST_TEST(hosts.far().empty());
    BOOST_TEST(hosts.received().trouble != "");
    filling.clear();
    hosts.expect(1, 1);
    hosts.expect_nothing_more();
}

BOOST_AUTO_TEST_CASE(a_packet_larger_than_is_allowed_is_refused_and_the_next_one_comes) {
    const watchdog dog(60);
    two_hosts hosts;
    receiver_options options;
    options.limits.size_bytes = 10'000;
    hosts.start_sending();
    hosts.start_receiving(options);
    hosts.near().enq(Val(std::string(20'000, 'x')));
    hosts.fill(1, 1);
    hosts.expect(1, 1);
    hosts.expect_nothing_more();
    BOOST_TEST(hosts.received().refused >= 1u);
}

BOOST_AUTO_TEST_CASE(what_another_consumer_gives_back_late_arrives_too) {
    const watchdog dog(60);
    two_hosts hosts;
    hosts.fill(1, 3);
    Lease other = hosts.near().lease(0.0);
    hosts.start_sending();
    hosts.start_receiving();
    hosts.expect(2, 3);
    other.give_back();
    hosts.expect(1, 1);
    hosts.fill(4, 5);
    hosts.expect(4, 5);
    hosts.expect_nothing_more();
}

BOOST_AUTO_TEST_CASE(a_poisoned_packet_is_given_up_and_counted) {
    const watchdog dog(60);
    two_hosts hosts;
    hosts.fill(1, 1);
    Val poisoned = hosts.share(2);
    detail::value_access::target(poisoned)->poisoned = true;
    hosts.near().enq(poisoned);
    hosts.fill(3, 3);
    hosts.start_sending();
    hosts.start_receiving();
    hosts.expect(1, 1);
    hosts.expect(3, 3);
    hosts.expect_nothing_more();
    BOOST_TEST(hosts.sent().given_up == 1u);
}

BOOST_AUTO_TEST_CASE(a_packet_that_the_engine_can_never_keep_is_given_up_and_counted) {
    const watchdog dog(60);
    faulty_engine::faults f;
    f.room = 10;
    f.most_bytes = 200;
    two_hosts hosts(f);
    hosts.start_sending();
    hosts.start_receiving();
    hosts.near().enq(Val(std::string(20'000, 'x')));
    hosts.fill(1, 1);
    hosts.expect(1, 1);
    hosts.expect_nothing_more();
    BOOST_TEST(hosts.sent().given_up == 1u);
}

BOOST_AUTO_TEST_CASE(an_engine_that_loses_what_it_had_confirmed_is_noticed_and_gone_on_with) {
    const watchdog dog(60);
    two_hosts hosts;
    hosts.start_sending();
    hosts.start_receiving();
    hosts.fill(1, 3);
    hosts.expect(1, 3);
    hosts.stop_receiving();
    hosts.fill(4, 6);
    BOOST_TEST(eventually([&] { return hosts.sent().confirmed == 6u; }));
    hosts.engine.lose_all();
    hosts.start_receiving();
    hosts.fill(7, 9);
    hosts.expect(7, 9);
    BOOST_TEST(hosts.received().lost == 1u);
    hosts.expect_nothing_more();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(slow_links)

namespace {
using std::chrono::milliseconds;

/// What is under way after seconds in each of which so many bytes came through.
std::uint64_t after_seconds(pace p, int seconds, std::uint64_t bytes) {
    auto now = pace::clock::now();
    for (; seconds != 0; --seconds) {
        p.holds_up();
        p.came_through(bytes, now += milliseconds(1010));
    }
    return p.bytes();
}

/// Confirms a message in each of these spans of time, in their order.
class slow_engine {
public:
    explicit slow_engine(milliseconds each) : each_(each) {}
    std::unique_ptr<outlet> way_out(outlet_events& events) {
        return std::make_unique<out>(*this, events);
    }

private:
    class out final : public outlet {
    public:
        out(slow_engine& engine, outlet_events& events) : engine_(engine), events_(events) {}
        void send(std::uint64_t ticket, std::string_view, std::string_view) override {
            const std::lock_guard guard(mutex_);
            tickets_.push_back(ticket);
        }
        outlet_limits limits() const override { return {.message_bytes = 1000}; }

    private:
        void confirm(const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                std::this_thread::sleep_for(engine_.each_);
                std::unique_lock guard(mutex_);
                if (tickets_.empty()) continue;
                const std::uint64_t ticket = tickets_.front();
                tickets_.pop_front();
                guard.unlock();
                events_.confirmed(ticket);
            }
        }

        slow_engine& engine_;
        outlet_events& events_;
        std::mutex mutex_;
        std::deque<std::uint64_t> tickets_;
        std::jthread thread_{[this](const std::stop_token& stop) { confirm(stop); }};
    };

    const milliseconds each_;
};
}  // namespace

BOOST_AUTO_TEST_CASE(as_much_is_under_way_as_comes_through_in_a_second) {
    const pace fresh(64U << 20U);
    BOOST_TEST(fresh.bytes() == pace::first);
    const std::uint64_t quick = after_seconds(fresh, 3, 20U << 20U);
    BOOST_TEST(quick > 19U << 20U);
    BOOST_TEST(quick <= 20U << 20U);
    BOOST_TEST(after_seconds(fresh, 3, 1U << 30U) == 64U << 20U);
    BOOST_TEST(after_seconds(fresh, 3, 1000) == pace::least);
}

BOOST_AUTO_TEST_CASE(a_link_that_nobody_uses_is_not_taken_for_slow) {
    pace p(64U << 20U);
    p.came_through(10, pace::clock::now() + std::chrono::seconds(5));
    BOOST_TEST(p.bytes() == pace::first);
}

BOOST_AUTO_TEST_CASE(an_interruption_halves_what_is_under_way_down_to_a_part) {
    pace p(64U << 20U);
    p.was_interrupted();
    BOOST_TEST(p.bytes() == pace::least);
    for (int i = 0; i < 20; ++i) p.was_interrupted();
    BOOST_TEST(p.bytes() == pace::least);
}

BOOST_AUTO_TEST_CASE(a_large_packet_that_gets_on_is_not_sent_anew) {
    const watchdog dog(60);
    const started_pool near("near", 8 << 20);
    ServerSide side(near.name, "lab", 8);
    side.start();
    side.pipe().enq(Val(std::string(20'000, 'x')));
    slow_engine engine(milliseconds(50));
    const auto packets = packets_of(side.pipe());
    sender_limits limits;
    limits.patience = milliseconds(400);  // 20 parts and more take a second
    sender s(
        *packets, side.pipe().identity(), [&](outlet_events& e) { return engine.way_out(e); },
        limits);
    const auto is_through = [&] { return s.status().confirmed == 1u; };
    s.run(is_through);
    BOOST_TEST(s.status().repeated == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(receiving)

namespace {
/// The way in is open; what comes is forged.
struct open_way_in : two_hosts {
    open_way_in() { start_receiving(); }

    const watchdog dog{60};
};
}  // namespace

BOOST_FIXTURE_TEST_CASE(a_message_whose_predecessor_is_missing_waits_for_the_repetition,
                        open_way_in) {
    for (const std::string& m :
         {message_of(header_of("s", 1, 0), 1), message_of(header_of("s", 3, 2), 3),
          message_of(header_of("s", 4, 3), 4), message_of(header_of("s", 2, 1), 2),
          message_of(header_of("s", 3, 2), 3), message_of(header_of("s", 4, 3), 4)})
        engine.forge(m);
    expect(1, 4);
    expect_nothing_more();
    BOOST_TEST(received().out_of_turn == 2u);
}

BOOST_FIXTURE_TEST_CASE(late_messages_of_a_sender_that_was_killed_do_no_harm, open_way_in) {
    // The first sender dies after 1 to 3; the second one begins at 2, and in between come 5 and 6
    // of the first one, and later its 4.
    for (const auto& [number, previous] : std::vector<std::pair<int, int>>{{1, 0},
                                                                           {2, 1},
                                                                           {3, 2},
                                                                           {5, 4},
                                                                           {2, 0},
                                                                           {6, 5},
                                                                           {3, 2},
                                                                           {4, 3},
                                                                           {4, 3},
                                                                           {5, 4},
                                                                           {6, 5}})
        engine.forge(message_of(header_of("s", static_cast<std::uint64_t>(number),
                                          static_cast<std::uint64_t>(previous)),
                                number));
    expect(1, 6);
    expect_nothing_more();
}

BOOST_FIXTURE_TEST_CASE(garbage_is_refused_and_counted_and_the_next_packet_comes, open_way_in) {
    engine.forge("");
    engine.forge("garbage");
    message_header h = header_of("s", 1, 0);
    h.packet_bytes = 3;
    engine.forge(encoded(h) + "\xff\xff\xff");
    engine.forge(message_of(header_of("s", 2, 1), 2));
    expect(2, 2);
    expect_nothing_more();
    BOOST_TEST(received().refused == 3u);
}

BOOST_FIXTURE_TEST_CASE(of_a_message_that_comes_again_only_what_is_new_gets_in, open_way_in) {
    const auto packet = [](std::uint64_t number) {
        return message_of(header_of("s", number, number - 1), static_cast<int>(number));
    };
    engine.forge(packet(1) + packet(2));
    engine.forge(packet(5) + packet(6));  // 4 is missing
    engine.forge(packet(1) + packet(2) + packet(3) + packet(4));
    engine.forge(packet(4) + packet(5) + packet(6));
    expect(1, 6);
    expect_nothing_more();
    BOOST_TEST(received().duplicates == 3u);
    BOOST_TEST(received().out_of_turn == 2u);
}

BOOST_FIXTURE_TEST_CASE(what_stands_before_garbage_gets_in, open_way_in) {
    engine.forge(message_of(header_of("s", 1, 0), 1) + "garbage");
    engine.forge(message_of(header_of("s", 2, 1), 2));
    expect(1, 2);
    expect_nothing_more();
    BOOST_TEST(received().refused == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_packet_in_parts_may_begin_behind_another_one, open_way_in) {
    const std::string body = to_cbor(Tab{{"i", 2}});
    message_header h = header_of("s", 2, 1);
    h.parts = 2;
    h.packet_bytes = body.size();
    engine.forge(message_of(header_of("s", 1, 0), 1) + encoded(h) + body.substr(0, 2));
    h.part = 1;
    engine.forge(encoded(h) + body.substr(2));
    expect(1, 2);
    expect_nothing_more();
}

BOOST_FIXTURE_TEST_CASE(parts_that_do_not_fit_together_are_no_packet, open_way_in) {
    const auto part = [&](std::uint64_t number, std::uint32_t i, std::uint32_t parts,
                          std::uint64_t bytes, const std::string& payload) {
        message_header h = header_of("s", number, number - 1);
        h.part = i;
        h.parts = parts;
        h.packet_bytes = bytes;
        engine.forge(encoded(h) + payload);
    };
    part(1, 1, 3, 9, "abc");  // the second one first
    part(1, 0, 3, 9, "abc");  // a first one, and then the third one
    part(1, 2, 3, 9, "abc");
    part(1, 0, 2, std::uint64_t{1} << 50, "abc");  // no memory is taken for what is claimed
    part(2, 0, 2, 4, "ab");                        // the parts of two packets
    part(3, 1, 2, 4, "ab");
    engine.forge(message_of(header_of("s", 4, 1), 4));
    expect(4, 4);
    expect_nothing_more();
}

BOOST_AUTO_TEST_CASE(changed_messages_do_no_harm) {
    const watchdog dog(200);
    two_hosts hosts({}, 1, 4);
    receiver_options drops;
    drops.when_full = WhenFull::DropOldest;
    hosts.start_receiving(drops);
    std::mt19937 random(seed_of_run());
    constexpr int messages = 5000;
    for (int i = 1; i <= messages; ++i) {
        const auto number = static_cast<std::uint64_t>(i);
        // A changed number can end a source: the next packets have another one.
        const std::string source = "source " + std::to_string(i / 20);
        message_header h = header_of(source, number, number - 1);
        const std::string body = to_cbor(Tab{{"i", i}, {"list", Arr{1, 2.5, "text"}}});
        h.packet_bytes = body.size();
        std::string bytes = encoded(h) + body;
        // But for the parts: the first one of a packet waits for the others.
        constexpr std::size_t parts_at = 40;
        constexpr std::size_t parts_end = 48;
        for (unsigned changes = random() % 4; changes != 0; --changes) {
            const std::size_t at = random() % bytes.size();
            if (at < parts_at || at >= parts_end) bytes[at] = static_cast<char>(random());
        }
        if (random() % 10 == 0) bytes.resize(random() % bytes.size());
        hosts.engine.forge(bytes);
    }
    BOOST_TEST(eventually([&] { return hosts.engine.is_empty(); }));
    BOOST_TEST(hosts.received().received == static_cast<std::uint64_t>(messages));
    BOOST_TEST(hosts.received().refused > 100u);
    BOOST_TEST(hosts.received().delivered > 100u);
    hosts.stop_receiving();
    hosts.far_pool.expect_sound();
    // What the changed ones have claimed spoils their source, and no other one.
    hosts.start_receiving();
    while (!hosts.far().empty()) hosts.far().deq();
    hosts.engine.forge(message_of(header_of("another", 1, 0), 7));
    hosts.expect(7, 7);
}

BOOST_AUTO_TEST_CASE(many_sources_share_a_pipe) {
    const watchdog dog(60);
    two_hosts hosts({}, 1, 200);
    hosts.start_receiving();
    constexpr int sources = 40;  // more than have a place at the same time
    for (int i = 0; i < sources; ++i)
        hosts.engine.forge(message_of(header_of("source " + std::to_string(i), 1, 0), i));
    hosts.expect(0, sources - 1);
    hosts.expect_nothing_more();
}

BOOST_AUTO_TEST_SUITE_END()
