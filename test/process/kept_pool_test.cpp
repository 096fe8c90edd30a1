#include "support/started_pool.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include <sys/stat.h>

/// Pools that outlive their SHMMain: kept on purpose, or left behind by a killed one.

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr std::size_t megabyte = 1000000;

struct fixture {
    watchdog dog{120};
    pool_name name{"kept"};

    /// A SHMMain's run that keeps its pool, with one packet in it.
    void keep_a_packet(const std::function<void(SHMMain&)>& end = [](SHMMain&) {}) const {
        SHMMain main(name, megabyte);
        main.keep(true);
        main.start();
        ServerSide server(name, "pipe", 4);
        server.start();
        server.pipe().enq(Tab{{"keep", "me"}});
        end(main);
    }
    std::size_t packets() const {
        ServerSide server(name, "pipe", 4);
        server.start();
        return server.pipe().length();
    }
    bool exists() const { return access(name.path().c_str(), F_OK) == 0; }
    unsigned mode() const {
        struct stat status {};
        stat(name.path().c_str(), &status);
        return status.st_mode & 0777;
    }
    std::string refusal_of(SHMMain& main) const {
        try {
            main.start();
        } catch (const std::runtime_error& e) {
            BOOST_TEST(main.state() == STOPPED);
            return e.what();
        }
        return "nothing was thrown";
    }
    /// A pool whose SHMMain has been killed while another process uses it.
    child leave_in_use() const {
        phases at;
        child main([&] {
            SHMMain pool(name, megabyte);
            pool.start();
            at.reach(1);
            for (;;) pause();
            return 0;
        });
        BOOST_TEST(at.is_reached(1));
        child user([&] {
            ServerSide server(name, "pipe", 4);
            server.start();
            server.pipe().enq(Tab{{"keep", "me"}});
            at.reach(2);
            try {
                for (Val packet;;) {
                    if (server.pipe().length() == 0) server.pipe().dequeue(0.1, packet);
                    usleep(1000);
                    server.pipe().enqueue(Val(1), 0.0);
                }
            } catch (const PoolRetired&) {
                return 7;
            }
            return 0;
        });
        BOOST_TEST(at.is_reached(2));
        main.kill_and_wait();
        return user;
    }
};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kept_pool, fixture)

BOOST_AUTO_TEST_CASE(the_next_run_goes_on_with_what_was_kept) {
    keep_a_packet();
    SHMMain main(name, megabyte);
    BOOST_TEST(main.start() == STARTED);
    ServerSide server(name, "pipe", 4);
    server.start();
    BOOST_TEST(server.pipe().deq()("keep") == "me");
    BOOST_TEST(main.pool()->isPristine());
}

BOOST_AUTO_TEST_CASE(it_is_taken_up_as_often_as_it_is_kept_and_then_removed) {
    keep_a_packet();
    for (int run = 0; run < 3; ++run) {
        SHMMain main(name, megabyte);
        main.keep(true);
        main.start();
        BOOST_TEST(packets() == 1u);
    }
    {
        SHMMain main(name, megabyte);
        main.start();
        BOOST_TEST(packets() == 1u);
    }
    BOOST_TEST(!exists());
}

BOOST_AUTO_TEST_CASE(it_outlives_the_death_of_its_process_too) {
    child killed([&] {
        keep_a_packet([](SHMMain&) { raise(SIGKILL); });
        return 0;
    });
    BOOST_TEST(killed.wait() == -SIGKILL);
    SHMMain main(name, megabyte);
    main.start();
    BOOST_TEST(packets() == 1u);
}

BOOST_AUTO_TEST_CASE(keep_counts_whenever_it_is_said_and_can_be_taken_back) {
    keep_a_packet([](SHMMain& main) { main.keep(false); });
    BOOST_TEST(!exists());
    {
        SHMMain main(name, megabyte);
        main.start();
        main.keep(true);
    }
    BOOST_TEST(exists());
    // The SHMMain that takes the pool over decides anew.
    child killed([&] {
        SHMMain main(name, megabyte);
        main.start();
        raise(SIGKILL);
        return 0;
    });
    killed.wait();
    SHMMain main(name, 2 * megabyte);
    BOOST_TEST(main.start() == STARTED);
}

BOOST_AUTO_TEST_CASE(another_size_is_an_error_and_nothing_is_lost) {
    keep_a_packet();
    SHMMain larger(name, 2 * megabyte);
    const std::string why = refusal_of(larger);
    BOOST_TEST(contains(why, name.str()), why);
    BOOST_TEST(contains(why, "1000000"), why);
    BOOST_TEST(contains(why, "2000000"), why);
    BOOST_TEST(contains(why, "beginAnew"), why);
    SHMMain main(name, megabyte);
    main.start();
    BOOST_TEST(packets() == 1u);
}

BOOST_AUTO_TEST_CASE(another_address_is_an_error_and_nothing_is_lost) {
    keep_a_packet();
    SHMMain elsewhere(name, megabyte, false, reinterpret_cast<void*>(0x600000000000));
    elsewhere.warning(false);
    const std::string why = refusal_of(elsewhere);
    BOOST_TEST(contains(why, "0x600000000000"), why);
    SHMMain main(name, megabyte);
    main.start();
    BOOST_TEST(packets() == 1u);
}

BOOST_AUTO_TEST_CASE(the_groups_access_is_what_the_next_run_says) {
    keep_a_packet();
    for (const bool shares : {true, false}) {
        SHMMain main(name, megabyte);
        main.shareWithGroup(shares);
        main.keep(true);
        main.start();
        BOOST_TEST(mode() == (shares ? 0660u : 0600u));
        BOOST_TEST(packets() == 1u);
    }
}

BOOST_AUTO_TEST_CASE(beginning_anew_removes_it) {
    keep_a_packet();
    SHMMain main(name, 2 * megabyte);
    BOOST_TEST(!main.beginAnew(true));
    BOOST_TEST(main.beginAnew(true));
    BOOST_TEST(main.start() == STARTED);
    BOOST_TEST(main.boot()->pool_bytes == 2 * megabyte);
    BOOST_TEST(packets() == 0u);
}

BOOST_AUTO_TEST_CASE(beginning_anew_retires_what_is_in_use) {
    child user = leave_in_use();
    SHMMain main(name, 2 * megabyte);
    main.beginAnew(true);
    BOOST_TEST(main.start() == STARTED);
    BOOST_TEST(user.wait() == 7);
    BOOST_TEST(packets() == 0u);
}

BOOST_AUTO_TEST_CASE(beginning_anew_leaves_a_living_mains_pool_alone) {
    SHMMain living(name, megabyte);
    living.start();
    SHMMain main(name, megabyte);
    main.beginAnew(true);
    BOOST_TEST(contains(refusal_of(main), "living process"));
    BOOST_TEST(living.hasName());
}

BOOST_AUTO_TEST_CASE(a_take_over_has_the_options_that_it_asks_for_or_is_refused) {
    child user = leave_in_use();
    {
        SHMMain elsewhere(name, megabyte, false, reinterpret_cast<void*>(0x600000000000));
        elsewhere.warning(false);
        BOOST_TEST(contains(refusal_of(elsewhere), "0x600000000000"));
        SHMMain larger(name, 2 * megabyte);
        const std::string why = refusal_of(larger);
        BOOST_TEST(contains(why, std::to_string(user.pid())), why);
    }
    SHMMain main(name, megabyte);
    main.shareWithGroup(true);
    BOOST_TEST(main.start() == STARTED);
    BOOST_TEST(mode() == 0660u);
    user.kill_and_wait();
}

namespace {
/// Makes the pool look as if another version of the library had made it.
void change_layout_of(const std::string& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string start(16384, 0);
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    const std::string magic("valpool boot\n\x1a", 14);
    const std::size_t at = start.find(magic);
    BOOST_TEST_REQUIRE(at != std::string::npos);
    file.seekp(static_cast<std::streamoff>(at) + 16);
    const std::uint32_t version = 7;
    file.write(reinterpret_cast<const char*>(&version), sizeof version);
}
}  // namespace

BOOST_AUTO_TEST_CASE(another_versions_pool_is_an_error_that_says_what_to_do) {
    keep_a_packet();
    change_layout_of(name.path());
    SHMMain main(name, megabyte);
    ClientSide client(name, "pipe");
    for (const std::string& why : {refusal_of(main), [&] {
                                       try {
                                           client.start();
                                       } catch (const std::runtime_error& e) {
                                           return std::string(e.what());
                                       }
                                       return std::string();
                                   }()}) {
        BOOST_TEST(contains(why, "layout version (7"), why);
        BOOST_TEST(contains(why, name.path()), why);
        BOOST_TEST(contains(why, "beginAnew(true)"), why);
    }
    main.beginAnew(true);
    BOOST_TEST(main.start() == STARTED);
}

BOOST_AUTO_TEST_CASE(another_versions_pool_that_is_in_use_is_left_alone) {
    SHMMain living(name, megabyte);
    living.start();
    change_layout_of(name.path());
    child other([&] {
        SHMMain main(name, megabyte);
        main.beginAnew(true);
        try {
            main.start();
        } catch (const std::runtime_error&) {
            return 0;
        }
        return 1;
    });
    BOOST_TEST(other.wait() == 0);
    BOOST_TEST(living.hasName());
}

BOOST_AUTO_TEST_CASE(a_copy_of_its_file_is_a_pool_of_its_own) {
    keep_a_packet();
    const pool_name copied("kept_copy");
    std::filesystem::copy_file(name.path(), copied.path());
    SHMMain original(name, megabyte);
    original.start();
    SHMMain copy(copied, megabyte);
    copy.start();
    BOOST_TEST(copy.pool() != original.pool());
    ServerSide of_original(name, "pipe", 4);
    of_original.start();
    of_original.pipe().deq();
    ServerSide of_copy(copied, "pipe", 4);
    of_copy.start();
    BOOST_TEST(of_copy.pipe().length() == 1u);
    // Values of one pool do not belong to the other.
    of_copy.pipe().enq(Shared(original.pool(), Tab{{"from", "the original"}}));
    of_copy.pipe().deq();
    BOOST_TEST(InSHM(of_copy.pipe().deq(), copy.pool()));
}

BOOST_AUTO_TEST_SUITE_END()
