#include "temporary_file.hpp"

#include "support/random_value.hpp"
#include "support/started_pool.hpp"
#include "support/tool.hpp"

#include "mcap/reader.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

/// `valpool record`, `play` and `rec` with real pools, killed recorders and files that are broken.

using namespace valpool;
using namespace valpool::test;

namespace {

using packets = std::map<std::string, std::vector<std::string>>;  // by pipe, printed

/// Runs it to its end, which must be with this code. Returns its output, of both kinds in one.
std::string output_of(const std::vector<std::string>& words, int code = 0) {
    const tool_result r = run_tool(words);
    BOOST_TEST_CONTEXT(r.text()) BOOST_TEST(r.code == code);
    return r.text();
}

/// A pool with two pipes whose packets nobody keeps.
struct busy_pool : started_pool {
    explicit busy_pool(const char* test) : started_pool(test, 64 << 20) {
        for (const char* const pipe : {"a", "b b"}) {
            sides.push_back(std::make_unique<ServerSide>(name, pipe, 8));
            sides.back()->start();
        }
    }
    /// Sends a value through one of the pipes, and takes it out there.
    void send(std::size_t side, const Val& v) {
        CQ& pipe = sides[side]->pipe();
        pipe.enq(v);
        pipe.deq();
        sent[side == 0 ? "a" : "b b"].push_back(Stringize(v));
    }

    std::vector<std::unique_ptr<ServerSide>> sides;
    packets sent;
};

packets packets_of(const std::string& file) {
    packets all;
    mcap::reader r(file);
    for (mcap::message m; r.next(m);)
        all[r.channels().at(m.channel_id).topic].push_back(Stringize(from_cbor(m.data)));
    return all;
}

std::vector<std::string> arguments_of(const busy_pool& pool, const temporary_file& file,
                                      std::vector<std::string> more = {}) {
    std::vector<std::string> words{"record", pool.name, "a", "b b", file.path()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

bool is_start_of(const packets& part, const packets& all) {
    return std::all_of(part.begin(), part.end(), [&all](const auto& p) {
        const auto found = all.find(p.first);
        return found != all.end() && p.second.size() <= found->second.size() &&
               std::equal(p.second.begin(), p.second.end(), found->second.begin());
    });
}

std::size_t count_of(const packets& all) {
    std::size_t count = 0;
    for (const auto& [pipe, list] : all) count += list.size();
    return count;
}

/// A finished recording of random values.
void record_some(busy_pool& pool, const temporary_file& file, int count,
                 std::vector<std::string> more = {}) {
    running_tool recorder(arguments_of(pool, file, std::move(more)));
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    valpool_test::random_values random;
    for (int i = 0; i < count; ++i) {
        pool.send(random.below(2), random.value());
        if (i % 50 == 0) usleep(2000);
    }
    recorder.signal(SIGINT);
    BOOST_REQUIRE(recorder.wait().code == 0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recording)

BOOST_AUTO_TEST_CASE(values_of_every_type_are_recorded_and_play_back_equal) {
    watchdog dog(120);
    for (const char* const compression : {"zstd", "lz4", "none"}) {
        const temporary_file file("every_type");
        busy_pool pool("record_every_type");
        record_some(pool, file, 300, {"--compression", compression, "--chunk", "3000"});
        BOOST_TEST((packets_of(file.path()) == pool.sent));

        busy_pool other("play_every_type");
        running_tool player(
            {"play", file.path(), "--fast", "--into", other.name, "--map", "b b=c"});
        std::vector<std::string> a;
        std::vector<std::string> c;
        ServerSide renamed(other.name, "c", 2);
        renamed.start();
        while (a.size() + c.size() < 300) {
            Val v;
            if (other.sides[0]->pipe().dequeue(0.01, v)) a.push_back(Stringize(v));
            if (renamed.pipe().dequeue(0.01, v)) c.push_back(Stringize(v));
        }
        BOOST_TEST(player.wait().code == 0);
        BOOST_TEST((a == pool.sent["a"]));
        BOOST_TEST((c == pool.sent["b b"]));
    }
}

BOOST_AUTO_TEST_CASE(a_killed_recorder_leaves_all_chunks_that_it_has_written) {
    watchdog dog(120);
    valpool_test::random_values random;
    std::size_t most = 0;
    for (int round = 0; round < 12; ++round) {
        const temporary_file file("killed");
        const temporary_file mended("mended");
        busy_pool pool("record_killed");
        running_tool recorder(arguments_of(pool, file, {"--chunk", "500", "--flush", "0.01"}));
        BOOST_REQUIRE(recorder.has_complained("recording into"));
        const std::size_t end = random.below(400);
        for (std::size_t i = 0; i < end; ++i) {
            pool.send(random.below(2), random.value());
            if (random.below(20) == 0) usleep(static_cast<unsigned>(random.below(3000)));
        }
        recorder.signal(SIGKILL);
        BOOST_REQUIRE(recorder.wait().code == -SIGKILL);
        const packets read = packets_of(file.path());
        BOOST_TEST(is_start_of(read, pool.sent));
        most = std::max(most, count_of(read));
        output_of({"rec", "recover", file.path(), mended.path()});
        BOOST_TEST((packets_of(mended.path()) == read));
        const std::string info = output_of({"rec", "info", mended.path(), "--json"});
        BOOST_TEST(info.find("\"complete\":true") != std::string::npos);
        BOOST_TEST(output_of({"rec", "info", file.path()}).find("not complete") !=
                   std::string::npos);
    }
    BOOST_TEST(most > 50U);
}

BOOST_AUTO_TEST_CASE(the_order_across_pipes_is_kept) {
    watchdog dog(60);
    const temporary_file file("order");
    busy_pool pool("record_order");
    running_tool recorder(arguments_of(pool, file));
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    constexpr int count = 50;
    for (int i = 0; i < count; ++i) {
        pool.send(i % 3 == 0 ? 1 : 0, i);
        usleep(20000);  // much longer than the recorder sleeps, also on a busy machine
    }
    recorder.signal(SIGTERM);
    BOOST_TEST(recorder.wait().code == 0);
    ServerSide one(pool.name, "one", 4);
    one.start();
    running_tool player({"play", file.path(), "--fast", "--map", "a=one", "--map", "b b=one"});
    for (int i = 0; i < count; ++i) BOOST_REQUIRE(static_cast<int>(one.pipe().deq()) == i);
    BOOST_TEST(player.wait().code == 0);
}

BOOST_AUTO_TEST_CASE(a_part_plays_at_the_speed_that_is_asked_for) {
    watchdog dog(60);
    const temporary_file file("speed");
    busy_pool pool("record_speed");
    running_tool recorder(arguments_of(pool, file, {"--count", "9"}));
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    for (int i = 0; i < 9; ++i) {
        pool.send(0, i);
        usleep(100000);
    }
    BOOST_TEST(recorder.wait().code == 0);
    const auto start = std::chrono::steady_clock::now();
    running_tool player({"play", file.path(), "--rate", "2", "--from", "0.15", "--to", "0.65"});
    std::vector<int> played;
    for (int i = 0; i < 5; ++i) played.push_back(static_cast<int>(pool.sides[0]->pipe().deq()));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    BOOST_TEST((played == std::vector<int>{2, 3, 4, 5, 6}));
    BOOST_TEST(took.count() >= 0.2);
    BOOST_TEST(player.wait().code == 0);
    BOOST_TEST(pool.sides[0]->pipe().empty());
}

BOOST_AUTO_TEST_CASE(a_loop_begins_anew_until_it_is_interrupted) {
    watchdog dog(60);
    const temporary_file file("loop");
    busy_pool pool("record_loop");
    record_some(pool, file, 5);
    running_tool player({"play", file.path(), "--fast", "--loop", "--pipe", "a"});
    const std::size_t once = pool.sent["a"].size();
    for (std::size_t i = 0; i < 3 * once; ++i)
        BOOST_REQUIRE(Stringize(pool.sides[0]->pipe().deq()) == pool.sent["a"][i % once]);
    player.signal(SIGINT);
    BOOST_TEST(player.wait().code == 130);
}

BOOST_AUTO_TEST_CASE(a_recording_can_be_cut_converted_and_shown) {
    watchdog dog(60);
    const temporary_file file("whole");
    const temporary_file part("part");
    const temporary_file json("json");
    const temporary_file back("back");
    busy_pool pool("record_convert");
    running_tool recorder(arguments_of(pool, file, {"--count", "4"}));
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    for (const Val& v : {Val(1), Val(Tab{{"x", Arr{1, 2.5}}}), Val("text"), Val(None)}) {
        pool.send(0, v);
        usleep(20000);
    }
    BOOST_REQUIRE(recorder.wait().code == 0);
    output_of({"rec", "cut", file.path(), part.path(), "--from", "0.01", "--to", "0.05"});
    BOOST_TEST(count_of(packets_of(part.path())) == 2U);
    output_of({"rec", "convert", file.path(), json.path(), "--encoding", "json", "--compression",
               "none"});
    BOOST_TEST(json.content().find("{\"x\":[1,2.5]}") != std::string::npos);
    BOOST_TEST(json.content().find("jsonschema") != std::string::npos);
    output_of({"rec", "convert", json.path(), back.path(), "--encoding", "cbor"});
    BOOST_TEST((packets_of(back.path()) == packets_of(file.path())));
    const std::string lines = output_of({"rec", "cat", json.path(), "--json"});
    BOOST_TEST(lines.find("\"pipe\":\"a\",\"value\":{\"x\":[1,2.5]}}\n") != std::string::npos);
    BOOST_TEST(output_of({"rec", "cat", file.path(), "-n", "1"}).find("  a  1\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_the_recorder_misses_is_told) {
    watchdog dog(60);
    const temporary_file file("missed");
    busy_pool pool("record_missed");
    running_tool recorder(arguments_of(pool, file, {"--depth", "2"}));
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    recorder.signal(SIGSTOP);
    for (int i = 0; i < 20; ++i) pool.send(0, i);
    recorder.signal(SIGCONT);
    BOOST_TEST(recorder.has_complained("18 packets missed"));
    recorder.signal(SIGINT);
    BOOST_TEST(recorder.wait().code == 0);
    BOOST_TEST(recorder.complaints().find("18 were missed") != std::string::npos);
    BOOST_TEST((packets_of(file.path())["a"] == std::vector<std::string>{"18", "19"}));
}

BOOST_AUTO_TEST_CASE(a_packet_is_in_the_file_soon_though_its_chunk_is_not_full) {
    watchdog dog(60);
    const temporary_file file("soon");
    busy_pool pool("record_soon");
    running_tool recorder(arguments_of(pool, file, {"--flush", "0.05"}));
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    pool.send(0, 5);
    BOOST_TEST(eventually([&] { return count_of(packets_of(file.path())) == 1U; }));
}

BOOST_AUTO_TEST_CASE(a_recording_ends_with_its_pool) {
    watchdog dog(60);
    const temporary_file file("pool_ends");
    auto pool = std::make_unique<busy_pool>("record_pool_ends");
    running_tool recorder(arguments_of(*pool, file));
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    pool->send(0, 5);
    usleep(20000);
    pool.reset();
    BOOST_TEST(recorder.wait().code == 0);
    BOOST_TEST(recorder.complaints().find("the pool has ended") != std::string::npos);
    BOOST_TEST(count_of(packets_of(file.path())) == 1U);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_a_clear_error_and_leaves_a_readable_file) {
    watchdog dog(60);
    const temporary_file file("full");
    busy_pool pool("record_full");
    running_tool recorder(small_files{20}, {"record", pool.name, "a", file.path(), "--compression",
                                            "none", "--chunk", "2000"});
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    for (int i = 0; i < 200; ++i) pool.send(0, std::string(200, 'x'));
    BOOST_TEST(recorder.wait().code == 1);
    BOOST_TEST(recorder.complaints().find("File too large") != std::string::npos);
    BOOST_TEST(recorder.complaints().find("packets are in the file") != std::string::npos);
    const packets read = packets_of(file.path());
    BOOST_TEST(count_of(read) > 20U);
    BOOST_TEST(is_start_of(read, pool.sent));
}

BOOST_AUTO_TEST_CASE(a_copy_that_does_not_fit_leaves_nothing_and_replaces_nothing) {
    watchdog dog(60);
    const temporary_file file("long"), part("long_part");
    busy_pool pool("record_long");
    running_tool recorder({"record", pool.name, "a", file.path()});
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    for (int i = 0; i < 200; ++i) pool.send(0, std::string(200, 'x'));
    recorder.signal(SIGINT);
    BOOST_REQUIRE(recorder.wait().code == 0);
    for (const unsigned long blocks : {0UL, 1UL, 20UL}) {
        for (const char* const command : {"cut", "convert", "recover"}) {
            const tool_result r =
                run_tool(small_files{blocks},
                         {"rec", command, file.path(), part.path(), "--compression", "none"});
            BOOST_TEST(r.code == 1, command);
            BOOST_TEST(r.complains("File too large"), r.err);
            BOOST_TEST(!std::filesystem::exists(part.path()));
            BOOST_TEST(!std::filesystem::exists(part.path() + ".unfinished"));
        }
    }
    part.write("precious");
    BOOST_TEST(run_tool(small_files{20}, {"rec", "cut", file.path(), part.path(), "--force",
                                          "--compression", "none"})
                   .code == 1);
    BOOST_TEST(part.content() == "precious");
    output_of({"rec", "cut", file.path(), part.path(), "--force"});
    BOOST_TEST(count_of(packets_of(part.path())) == 200U);
    const temporary_file empty("long_empty");
    BOOST_TEST(run_tool(small_files{0}, {"record", pool.name, "a", empty.path()}).code == 1);
    BOOST_TEST(!std::filesystem::exists(empty.path()));
}

BOOST_AUTO_TEST_CASE(a_pool_that_is_missing_is_waited_for_and_the_time_limit_applies) {
    watchdog dog(60);
    const temporary_file file("missing");
    busy_pool pool("record_missing");
    record_some(pool, file, 5);
    const pool_name later("play_later");
    const tool_result r =
        run_tool({"play", file.path(), "--into", later, "--timeout", "0.2", "--fast"});
    BOOST_TEST(r.code == 3);
    BOOST_TEST(r.complains("waiting for memory pool \"" + later.str()), r.err);
    BOOST_TEST(r.complains("there was no memory pool"), r.err);
    running_tool player({"play", file.path(), "--into", later, "--fast", "--capacity", "9"});
    BOOST_TEST(player.has_complained("waiting for"));
    SHMMain main_of_it(later, 64 << 20);
    main_of_it.start();
    BOOST_TEST(player.wait().code == 0);
    // Nobody reads there: the second time there is no room.
    const tool_result full =
        run_tool({"play", file.path(), "--into", later, "--fast", "--loop", "--timeout", "0.2"});
    BOOST_TEST(full.code == 3);
    BOOST_TEST(full.complains("has had no room for"), full.err);
}

BOOST_AUTO_TEST_CASE(a_table_of_a_recording_is_a_table_as_others) {
    watchdog dog(60);
    const temporary_file file("table");
    busy_pool pool("record_table");
    record_some(pool, file, 20);
    const std::string info = output_of({"rec", "info", file.path()});
    BOOST_TEST(info.find("PIPE  ENCODING  PACKETS  PACKETS/s") != std::string::npos, info);
}

BOOST_AUTO_TEST_CASE(mistakes_are_told_and_change_nothing) {
    watchdog dog(60);
    const temporary_file file("mistakes");
    busy_pool pool("record_mistakes");
    output_of({"record", pool.name, "a"}, 2);
    BOOST_TEST(output_of({"record", pool.name, "a", "b b", "a", file.path()}, 2)
                   .find("'a' is named twice") != std::string::npos);
    output_of({"record", "no_such_pool", "a", file.path()}, 1);
    BOOST_TEST(file.content().empty());
    file.write("precious");
    BOOST_TEST(output_of({"record", pool.name, "a", file.path()}, 1).find("File exists") !=
               std::string::npos);
    BOOST_TEST(file.content() == "precious");
    for (const char* const command : {"info", "cat"})
        BOOST_TEST(output_of({"rec", command, file.path()}, 1).find("not a recording") !=
                   std::string::npos);
    output_of({"play", file.path()}, 1);
    output_of({"rec", "recover", file.path(), file.path(), "--force"}, 2);
    BOOST_TEST(file.content() == "precious");
}

BOOST_AUTO_TEST_CASE(a_pool_without_room_is_an_error_in_the_end) {
    watchdog dog(60);
    const temporary_file file("no_room");
    busy_pool pool("record_no_room");
    running_tool recorder(arguments_of(pool, file, {"--count", "1"}));
    BOOST_REQUIRE(recorder.has_complained("recording into"));
    pool.send(0, std::string(1 << 20, 'x'));
    BOOST_REQUIRE(recorder.wait().code == 0);
    started_pool small("play_no_room", 300000);
    const std::string said =
        output_of({"play", file.path(), "--into", small.name, "--patience", "0.1"}, 1);
    BOOST_TEST(said.find("no room for a packet of 'a'") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
