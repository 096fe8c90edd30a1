#include "support/child.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

/// Pools with a damaged file: attaching fails with a clear error, in time, and does not change the
/// file; or the damage is harmless and the pool works.

using namespace valpool;
using namespace valpool::test;

namespace {

bool always() { return true; }

/// A living pool with packets in a pipe. The process that owns it does not touch it.
class living_pool {
public:
    explicit living_pool(const std::string& test) : name_(test) {
        owner_.emplace([this] {
            SHMMain pool(name_, 1);  // the smallest possible pool
            pool.start();
            ServerSide server(name_, "pipe", 2);
            server.start();
            const Tap tap(name_, "pipe", 2);
            server.pipe().enq(Tab{{"a", 1}});
            *is_made_ = true;
            for (;;) pause();
            return 0;
        });
        if (!eventually([this] { return is_made_->load(); }))
            throw std::runtime_error("no pool was made");
        content_ = read();
        file_ = open(name_.path().c_str(), O_RDWR | O_CLOEXEC);
    }
    ~living_pool() { close(file_); }

    const std::string& name() const { return name_; }
    const std::string& content() const { return content_; }
    std::string read() const {
        std::ostringstream content;
        content << std::ifstream(name_.path(), std::ios::binary).rdbuf();
        return content.str();
    }
    void write(std::size_t at, const char* bytes, std::size_t count) const {
        BOOST_REQUIRE(pwrite(file_, bytes, count, static_cast<off_t>(at)) ==
                      static_cast<ssize_t>(count));
    }
    void truncate(std::size_t size) const {
        BOOST_REQUIRE(ftruncate(file_, static_cast<off_t>(size)) == 0);
    }
    void restore() const {
        truncate(content_.size());
        write(0, content_.data(), content_.size());
    }

private:
    pool_name name_;
    shared<std::atomic<bool>> is_made_;
    std::optional<child> owner_;
    std::string content_;
    int file_ = -1;
};

/// The place of the boot object and of the arena's constants, which every process relies on.
struct constant_parts {
    std::size_t boot_end;
    std::size_t arena;
    explicit constant_parts(const std::string& content) {
        const std::size_t boot = content.find("valpool boot");
        Bootstrap_t copy;
        std::memcpy(&copy, content.data() + boot, sizeof copy);
        boot_end = boot + sizeof copy;
        arena = copy.arena_offset;
    }
    /// No process relies on the bytes between them.
    bool are_equal(const std::string& a, const std::string& b) const {
        return a.compare(0, boot_end, b, 0, boot_end) == 0 &&
               a.compare(arena, arena_constants, b, arena, arena_constants) == 0;
    }
    static constexpr std::size_t arena_constants = 160;
};

enum outcome : int { refused = 10, waited = 11, worked = 12 };

/// The outcome of attaching in this process.
int attach(const std::string& name) {
    try {
        ClientSide client(name, "pipe", false, nullptr, always, 100);
        if (client.start() == STOPPED) return waited;
        return client.pool()->bytes() > 0 ? worked : 1;
    } catch (const std::runtime_error& e) {
        return std::string(e.what()).find("memory pool") != std::string::npos ? refused : 2;
    }
}

/// The same in a child, so that a crash or a hang is noticed.
int attach_elsewhere(const std::string& name) {
    child other([&] {
        alarm(20);
        return attach(name);
    });
    return other.wait();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(damaged_pools)

BOOST_AUTO_TEST_CASE(every_single_byte_of_what_is_constant_is_covered_by_the_checksum) {
    const watchdog dog(300);
    const living_pool pool("covered");
    const constant_parts parts(pool.content());
    BOOST_REQUIRE(attach_elsewhere(pool.name()) == worked);
    pool.restore();
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < parts.boot_end; ++i) places.push_back(i);
    for (std::size_t i = 8; i < parts.arena_constants; ++i) places.push_back(parts.arena + i);
    std::size_t accepted = 0;
    for (const std::size_t at : places) {
        const char damaged = static_cast<char>(pool.content()[at] ^ 0x10);
        pool.write(at, &damaged, 1);
        accepted += attach(pool.name()) != refused;
        pool.write(at, &pool.content()[at], 1);
    }
    BOOST_TEST(accepted == 0u);
    BOOST_TEST(pool.read() == pool.content());
}

BOOST_AUTO_TEST_CASE(random_damage_of_the_header_is_refused_and_changes_nothing) {
    const watchdog dog(600);
    const living_pool pool("mutated");
    const constant_parts parts(pool.content());
    const long rounds = from_environment("VALPOOL_MUTATIONS", 10000);
    const auto seed = static_cast<std::mt19937::result_type>(
        from_environment("VALPOOL_SEED", static_cast<long>(std::random_device{}())));
    BOOST_TEST_MESSAGE("seed " << seed);
    std::mt19937 random(seed);
    long counts[3] = {};
    constexpr long batch = 200;
    for (long done = 0; done < rounds; done += batch) {
        // Repeats the same damages, for a child to run into them.
        const auto batch_seed = random();
        child other([&] {
            alarm(60);
            std::mt19937 mine(batch_seed);
            for (long i = 0; i < batch; ++i) {
                std::string damaged = pool.content();
                const std::size_t end =
                    mine() % 2 == 0 ? parts.boot_end : parts.arena + parts.arena_constants;
                for (auto left = 1 + mine() % 8; left != 0; --left)
                    damaged[mine() % end] = static_cast<char>(mine());
                pool.write(0, damaged.data(), parts.arena + 4096);
                const int came = attach(pool.name());
                if (came == worked && !parts.are_equal(damaged, pool.content())) return 3;
                if (came != worked && came != refused) return came;
                if (came == refused && i % 20 == 0 && pool.read() != damaged) return 4;
                if (came == worked) pool.restore();
            }
            return 0;
        });
        const int end = other.wait();
        BOOST_TEST_CONTEXT("batch of seed " << batch_seed) BOOST_REQUIRE_EQUAL(end, 0);
        counts[0] += batch;
    }
    pool.restore();
    BOOST_TEST(counts[0] >= rounds);
    BOOST_TEST(attach_elsewhere(pool.name()) == worked);
}

BOOST_AUTO_TEST_CASE(random_damage_of_what_changes_ends_in_an_error_or_works) {
    const watchdog dog(600);
    const living_pool pool("changing");
    const constant_parts parts(pool.content());
    const long rounds = from_environment("VALPOOL_MUTATIONS", 10000) / 10;
    const auto seed = static_cast<std::mt19937::result_type>(
        from_environment("VALPOOL_SEED", static_cast<long>(std::random_device{}())));
    BOOST_TEST_MESSAGE("seed " << seed);
    std::mt19937 random(seed);
    for (long i = 0; i < rounds; ++i) {
        // Gate, pipes, slots and lanes: the parts that attaching reads.
        std::string damaged = pool.content();
        const std::size_t first = parts.arena + parts.arena_constants;
        for (auto left = 1 + random() % 3; left != 0; --left)
            damaged[first + random() % 12000] = static_cast<char>(random());
        pool.write(0, damaged.data(), damaged.size());
        const int end = attach_elsewhere(pool.name());
        BOOST_TEST_CONTEXT("round " << i << " of seed " << seed)
        BOOST_REQUIRE((end == refused || end == worked || end == waited));
    }
}

BOOST_AUTO_TEST_CASE(a_truncated_file_is_refused_at_any_length) {
    const watchdog dog(60);
    const living_pool pool("truncated");
    const std::size_t size = pool.content().size();
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{4096}, std::size_t{20000},
          size / 2, size - 4096, size - 1}) {
        pool.truncate(length);
        const int came = attach_elsewhere(pool.name());
        BOOST_TEST((came == refused || (length == 0 && came == waited)), length << ": " << came);
        BOOST_TEST(pool.read().size() == length);
        pool.restore();
    }
    pool.truncate(size + 4096);
    BOOST_TEST(attach_elsewhere(pool.name()) == refused);
}

BOOST_AUTO_TEST_CASE(another_layout_version_says_so) {
    const watchdog dog(60);
    const living_pool pool("version");
    const std::size_t boot = pool.content().find("valpool boot");
    const std::uint32_t other = 1000;
    pool.write(boot + offsetof(Bootstrap_t, layout_version), reinterpret_cast<const char*>(&other),
               sizeof other);
    ClientSide client(pool.name(), "pipe", false, nullptr, always, 100);
    try {
        client.start();
        BOOST_ERROR("attached to another version's pool");
    } catch (const std::runtime_error& e) {
        BOOST_TEST(std::string(e.what()).find("layout version") != std::string::npos, e.what());
    }
    BOOST_TEST((client.state() == STOPPED));
}

BOOST_AUTO_TEST_SUITE_END()
