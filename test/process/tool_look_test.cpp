#include "support/watched_pool.hpp"

#include <csignal>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

/// What `valpool` shows of pools: ls, stat, top, check.

using namespace valpool;
using namespace valpool::test;

namespace {

/// Whether the process has mapped that file.
bool maps(pid_t pid, const std::string& path) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/maps");
    for (std::string line; std::getline(file, line);)
        if (line.find(path) != std::string::npos) return true;
    return false;
}

std::size_t columns_of(const std::string& line) {
    std::size_t columns = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\x1b')
            i = std::min(line.find_first_of("mhlKJH", i), line.size() - 1);
        else if ((static_cast<unsigned char>(line[i]) & 0xc0) != 0x80 && line[i] != '\r')
            ++columns;
    }
    return columns;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tool_look, watched)

BOOST_AUTO_TEST_CASE(a_pool_is_listed_with_its_main) {
    const tool_result r = run_tool({"ls"});
    BOOST_TEST(r.code == 0);
    BOOST_TEST(r.says(name.str()));
    BOOST_TEST(r.says("alive"));
    BOOST_TEST(r.says(std::to_string(getpid())));
    BOOST_TEST(run_tool({"ls", "--names"}).says(name.str() + "\n"));
}

BOOST_AUTO_TEST_CASE(what_programs_read_is_json_with_documented_names) {
    server.pipe().enq(1);
    const Val pool = from_json(run_tool({"stat", name, "--json"}).out);
    BOOST_TEST(pool("name") == name.str());
    BOOST_TEST(pool("main_pid") == getpid());
    BOOST_TEST(pool("pipes")[0]("depth_packets") == 1);
    BOOST_TEST(pool("pipes")[0]("last_writer_pid") == getpid());
    BOOST_TEST(pool("processes")[0]("pid") == getpid());
    BOOST_TEST(from_json(run_tool({"ls", "--json"}).out)("pools").length() >= 1u);
    BOOST_TEST(from_json(run_tool({"check", name, "--json"}).out)("is_sound") == true);
    BOOST_TEST(
        from_json(run_tool({"why", name, "--json", "--after", "1000"}).out)("findings").length() ==
        0u);
    BOOST_TEST(from_json(run_tool({"top", name, "--json", "-n", "1"}).out)("pipes").length() == 1u);
    BOOST_TEST(from_json(run_tool({"clean", "--json"}).out)("is_removed") == false);
    BOOST_TEST(from_json(run_tool({"doctor", "--json"}).out)("checks").length() > 5u);
}

BOOST_AUTO_TEST_CASE(top_shows_taps_and_memory_on_request) {
    Tap tap(name, "pipe2", 8);
    const std::vector<std::string> words{"top", name, "-n", "1", "--show"};
    const auto shown = [&](const char* what) {
        std::vector<std::string> all = words;
        all.emplace_back(what);
        return run_tool(all);
    };
    BOOST_TEST(shown("taps").says("connected"));
    BOOST_TEST(shown("memory").says("BLOCKS OF"));
    BOOST_TEST(shown("pipes").says("pipe2 0/4"));
    BOOST_TEST(shown("everything").code == 2);
    const Val json = from_json(run_tool({"top", name, "--json", "-n", "1"}).out);
    BOOST_TEST(json("taps")[0]("pipe") == "pipe2");
    BOOST_TEST(json("memory").length() >= 1u);
    const tool_result live = run_tool_on_terminal(100, {"top", name, "--interval", "0.2"}, "tmq");
    BOOST_TEST(live.says("TAP OF"));
    BOOST_TEST(live.says("BLOCKS OF"));
}

BOOST_AUTO_TEST_CASE(who_looks_takes_no_place_and_is_no_user) {
    for (const char* command : {"stat", "why", "check", "peek"}) {
        std::vector<std::string> words{command, name};
        if (std::string(command) == "peek") words.emplace_back("pipe2");
        BOOST_TEST(run_tool(words).code == 0, command);
    }
    running_tool top({"top", name, "--interval", "0.1"});
    BOOST_TEST(top.has_said("alive"));
    BOOST_TEST(check(pool()).living_processes.size() == 1u);
    top.signal(SIGINT);
    BOOST_TEST(top.wait().code == 130);
}

BOOST_AUTO_TEST_CASE(no_pool_of_that_name_is_an_error_that_says_what_to_try) {
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"stat", "no such pool"},
                                               {"why", "no such pool"},
                                               {"check", "no such pool"},
                                               {"peek", "no such pool", "q"},
                                               {"get", "no such pool", "q"},
                                               {"echo", "no such pool", "q"},
                                               {"gc", "no such pool"},
                                               {"rm", "no such pool"},
                                               {"top", "no such pool"},
                                               {"pipe", "rm", "no such pool", "q"}}) {
        const tool_result r = run_tool(words);
        BOOST_TEST(r.code == 1, words[0]);
        BOOST_TEST(r.complains("there is no memory pool \"no such pool\""), r.err);
        BOOST_TEST(r.complains("valpool ls"), r.err);
        BOOST_TEST(r.out == "");
    }
}

BOOST_AUTO_TEST_CASE(a_foreign_file_is_no_pool_and_stays) {
    const pool_name foreign("tool_foreign");
    std::ofstream(foreign.path()) << std::string(100000, 'x');
    for (const char* command : {"stat", "why", "check", "top", "rm"})
        BOOST_TEST(run_tool({command, foreign}).code == 1, command);
    BOOST_TEST(run_tool({"rm", "--damaged", foreign}).code == 1);
    BOOST_TEST(access(foreign.path().c_str(), F_OK) == 0);
    BOOST_TEST(!run_tool({"ls"}).says(foreign));
}

BOOST_AUTO_TEST_CASE(a_damaged_pool_is_listed_as_unusable_and_removed_only_on_request) {
    const pool_name damaged("tool_damaged");
    {
        std::ostringstream content;
        content << std::ifstream(name.path(), std::ios::binary).rdbuf();
        std::string bytes = content.str();
        const std::size_t boot = bytes.find("valpool boot");
        bytes[boot + 40] = static_cast<char>(bytes[boot + 40] ^ 1);
        std::ofstream(damaged.path(), std::ios::binary) << bytes;
    }
    BOOST_TEST(run_tool({"ls"}).says("unusable"));
    const tool_result r = run_tool({"stat", damaged});
    BOOST_TEST(r.code == 1);
    BOOST_TEST(r.complains("rm --damaged"), r.err);
    BOOST_TEST(run_tool({"rm", damaged}).code == 1);
    BOOST_TEST(run_tool({"rm", "--damaged", damaged}).code == 0);
    BOOST_TEST(access(damaged.path().c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_CASE(garbage_behind_a_sound_header_crashes_no_command) {
    server.pipe().enq(Tab{{"a", Arr{1, 2, "three"}}});
    const pool_name garbled("tool_garbled");
    std::ostringstream content;
    content << std::ifstream(name.path(), std::ios::binary).rdbuf();
    const std::string sound = content.str();
    for (unsigned seed = 1; seed <= 4; ++seed) {
        std::string bytes = sound;
        unsigned random = seed;
        for (std::size_t i = sound.size() / 4; i < bytes.size(); i += 1 + random % (97 * seed)) {
            random = random * 1103515245 + 12345;
            bytes[i] = static_cast<char>(random >> 16);
        }
        std::ofstream(garbled.path(), std::ios::binary) << bytes;
        for (const char* command : {"stat", "why", "check", "ls"}) {
            std::vector<std::string> words{command};
            if (words[0] != "ls") words.push_back(garbled);
            const int code = run_tool(words).code;
            BOOST_TEST((code == 0 || code == 1 || code == 4), command << " ended with " << code);
        }
        const int peeked = run_tool({"peek", garbled, "pipe2"}).code;
        BOOST_TEST((peeked == 0 || peeked == 1), peeked);
    }
}

BOOST_AUTO_TEST_CASE(a_pool_of_somebody_else_is_refused_with_a_reason) {
    if (geteuid() != 0) return;  // needs another user
    child other([this] {
        if (setgid(65534) != 0 || setuid(65534) != 0 || access(VALPOOL_TOOL, X_OK) != 0) return 0;
        const tool_result r = run_tool({"stat", name});
        if (r.code != 1 || !r.complains("belongs to") || !r.complains("as root")) return 1;
        if (!run_tool({"ls"}).complains("this user may not read them")) return 2;
        return run_tool({"rm", name}).code == 1 ? 0 : 3;
    });
    BOOST_TEST(other.wait() == 0);
}

BOOST_AUTO_TEST_CASE(an_output_that_is_closed_early_ends_it_without_a_word) {
    for (int i = 0; i < 300; ++i) ServerSide(name, "pipe " + std::to_string(i), 1).start();
    for (const char* command : {"stat", "top", "ls"}) {
        std::vector<std::string> words{command};
        if (words[0] != "ls") words.push_back(name);
        if (words[0] == "top") words.insert(words.end(), {"--interval", "0.05"});
        running_tool tool(words);
        tool.close_output();
        const tool_result r = tool.wait();
        BOOST_TEST(r.code == 0, command);
        BOOST_TEST(r.err == "", command);
    }
}

BOOST_AUTO_TEST_CASE(twenty_columns_are_enough_for_every_table) {
    ServerSide other(name, "a pipe with a rather long name", 8);
    other.start();
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"ls"}, {"stat", name}, {"top", name, "-n", "1", "--interval", "0.1"}}) {
        const tool_result r = run_tool_on_terminal(20, words);
        BOOST_TEST(r.code == 0, words[0]);
        if (words[0] == "stat")
            continue;  // its first lines are sentences, which the terminal wraps
        std::istringstream lines(r.out);
        for (std::string line; std::getline(lines, line);) {
            // Complaints about pools of others are sentences as well.
            if (line.rfind("valpool: ", 0) == 0) break;
            BOOST_TEST(columns_of(line) <= 20u, words[0] << ": " << line);
        }
    }
}

BOOST_AUTO_TEST_CASE(colours_are_for_terminals_only) {
    BOOST_TEST(run_tool_on_terminal(100, {"ls"}).says("\x1b[1m"));
    BOOST_TEST(!run_tool({"ls"}).says("\x1b"));
}

BOOST_AUTO_TEST_CASE(a_key_ends_the_live_display_and_the_terminal_is_given_back) {
    const tool_result r = run_tool_on_terminal(80, {"top", name}, "q");
    BOOST_TEST(r.code == 0);
    BOOST_TEST(r.says("\x1b[?1049h"));
    BOOST_TEST(r.out.rfind("\x1b[?1049l") > r.out.rfind("\x1b[?1049h"));
}

BOOST_AUTO_TEST_CASE(names_with_spaces_and_utf8_are_names_as_others) {
    const pool_name odd("tool with spaces und \xc3\xa4");
    SHMMain main_of_it(odd, 100000);
    main_of_it.start();
    ServerSide its(odd, "r\xc3\xb6hre 1", 2);
    its.start();
    its.pipe().enq(
        "gr\xc3\xbc\xc3\x9f"
        "e");
    BOOST_TEST(run_tool({"ls"}).says(odd));
    BOOST_TEST(run_tool({"stat", odd}).says("r\xc3\xb6hre 1"));
    BOOST_TEST(run_tool({"peek", odd, "r\xc3\xb6hre 1"}).out ==
               "'gr\xc3\xbc\xc3\x9f"
               "e'\n");
    BOOST_TEST(run_tool({"stat", "no \xc3\xa4"}).complains("\"no \xc3\xa4\""));
}

BOOST_AUTO_TEST_CASE(a_name_cannot_send_commands_to_the_terminal) {
    ServerSide evil(name, "\x1b[2Jgone", 1);
    evil.start();
    const tool_result r = run_tool({"stat", name});
    BOOST_TEST(!r.says("\x1b"));
    BOOST_TEST(r.says("\\x1b[2Jgone"));
}

BOOST_AUTO_TEST_CASE(two_names_never_look_the_same) {
    ServerSide literal(name, "a\\x1b", 1), escape(name, "a\x1b", 1), byte(name, "a\xff", 1),
        like_byte(name, "a\\xff", 1);
    for (ServerSide* side : {&literal, &escape, &byte, &like_byte}) side->start();
    const tool_result r = run_tool({"stat", name});
    for (const char* text : {"a\\\\x1b ", "a\\x1b ", "a\\xff ", "a\\\\xff "})
        BOOST_TEST(r.says(text), r.out);
    std::set<std::string> names;
    const Val pool = from_json(run_tool({"stat", name, "--json"}).out);
    for (It it(pool("pipes")); it();) names.insert(std::string(it.value()("name")));
    BOOST_TEST(names.size() == 5u);
    BOOST_TEST(run_tool({"stat", "no\\x1b"}).complains("\"no\\\\x1b\""));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_while_it_is_looked_at_is_an_error) {
    for (int i = 0; i < 4; ++i) server.pipe().try_enqueue(Tab{{"t", std::string(5000, 'x')}});
    std::ostringstream content;
    content << std::ifstream(name.path(), std::ios::binary).rdbuf();
    for (const long left : {0L, 4096L, 8192L, 65536L}) {
        const pool_name cut("tool_cut");
        std::ofstream(cut.path(), std::ios::binary) << content.str();
        running_tool stat({"stat", cut, "--sample", "1"});
        // It has looked once, and waits until it looks again.
        BOOST_REQUIRE(eventually(
            [&] { return maps(stat.pid(), cut.path()) && state_of(stat.pid()) == "S"; }));
        BOOST_REQUIRE(truncate(cut.path().c_str(), left) == 0);
        const tool_result r = stat.wait();
        BOOST_TEST(r.code == 1, "left " << left);
        BOOST_TEST(r.complains("cut short"), r.err);
        BOOST_TEST(run_tool({"stat", cut}).code == 1);
        BOOST_TEST(run_tool({"ls"}).code == 0);
    }
}

BOOST_AUTO_TEST_CASE(who_takes_part_in_a_pool_whose_file_is_cut_ends_with_a_word) {
    // Its own main cannot go on either.
    child main_of_all([&] {
        const pool_name other("tool_cut_used");
        SHMMain main_of_it(other, 1000000);
        main_of_it.start();
        ServerSide its(other, "q", 4);
        its.start();
        running_tool tool({"get", other, "q", "--follow"});
        if (!eventually([&] { return run_tool({"stat", other}).says("1 r"); })) return 1;
        if (truncate(other.path().c_str(), 0) != 0) return 2;
        const tool_result r = tool.wait();
        unlink(other.path().c_str());
        _exit(r.code == 1 && r.complains("cut short") ? 0 : 3);
    });
    BOOST_TEST(main_of_all.wait() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
