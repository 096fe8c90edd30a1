#include <valpool/valpool.hpp>

#include "support/child.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <fstream>

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr std::size_t bytes = 1 << 20;

}  // namespace

BOOST_AUTO_TEST_SUITE(shared_memory)

BOOST_AUTO_TEST_CASE(processes_share_a_pool_in_a_region) {
    const pool_name name("region");
    char* const memory = SHMCreate(name, bytes);
    BOOST_REQUIRE(memory);
    BOOST_TEST(!SHMInitialized(memory, bytes));
    StreamingPool* const pool = StreamingPool::CreateStreamingPool(memory, bytes, 8);
    SHMInitialize(memory, bytes);
    child other([&] {
        std::size_t size = 0;
        char* const mine = SHMAttach(name, nullptr, size);
        if (!mine || size != bytes || !SHMInitialized(mine, size)) return 1;
        return reinterpret_cast<StreamingPool*>(mine)->isPristine() && SHMDetach(mine, size) ? 0
                                                                                             : 2;
    });
    BOOST_TEST(other.wait() == 0);
    StreamingPool::Clean(pool);
    BOOST_TEST(SHMDetach(memory, bytes));
    BOOST_TEST(!SHMDetach(memory, bytes));
}

BOOST_AUTO_TEST_CASE(a_region_lies_at_the_address_asked_for_or_nowhere) {
    const pool_name name("address");
    const auto wanted = std::uintptr_t{0x7e8000001000};
    char* const memory = SHMCreate(name, bytes, false, reinterpret_cast<void*>(wanted));
    BOOST_REQUIRE(memory);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(memory) == wanted);
    std::size_t size = 0;
    BOOST_TEST(!SHMAttach(name, memory, size));
    BOOST_TEST(size == 0u);
    BOOST_TEST(SHMDetach(memory, bytes));
    BOOST_TEST(SHMAttach(name, memory, size) == memory);
    BOOST_TEST(SHMDetach(memory, bytes));
}

BOOST_AUTO_TEST_CASE(an_earlier_region_is_replaced_and_its_users_keep_it) {
    const pool_name name("replaced");
    char* const first = SHMCreate(name, bytes);
    BOOST_REQUIRE(first);
    first[0] = 'x';
    char* const second = SHMCreate(name, bytes / 2);
    BOOST_REQUIRE(second);
    BOOST_TEST(second[0] == '\0');
    BOOST_TEST(first[0] == 'x');
    BOOST_TEST(SHMDetach(first, bytes));
    BOOST_TEST(SHMDetach(second, bytes / 2));
}

BOOST_AUTO_TEST_CASE(pools_and_files_of_others_are_left_alone) {
    const pool_name name("left_alone");
    std::size_t size = 7;
    {
        SHMMain pool(name, bytes);
        pool.start();
        BOOST_TEST(!SHMCreate(name, bytes));
        BOOST_TEST(!SHMAttach(name, nullptr, size));
        BOOST_TEST(!SHMUnlink(name));
        BOOST_TEST(pool.pool()->isPristine());
    }
    std::ofstream(name.path()) << "somebody's";
    BOOST_TEST(!SHMCreate(name, bytes));
    BOOST_TEST(!SHMAttach(name, nullptr, size));
    BOOST_TEST(!SHMUnlink(name));
    std::string content;
    std::ifstream(name.path()) >> content;
    BOOST_TEST(content == "somebody's");
    BOOST_TEST(size == 7u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_null) {
    std::size_t size = 0;
    for (const char* const name : {"", "/", ".", "..", "a/b", "//a"}) {
        BOOST_TEST(!SHMCreate(name, bytes));
        BOOST_TEST(!SHMAttach(name, nullptr, size));
        BOOST_TEST(!SHMUnlink(name));
    }
    const pool_name name("cannot_be");
    BOOST_TEST(!SHMCreate(name, 0));
    BOOST_TEST(!SHMCreate(name, std::size_t{1} << 60));
    BOOST_TEST(!SHMCreate(name, ~std::size_t{0}));
    BOOST_TEST(!SHMAttach(name, nullptr, size));
    BOOST_TEST(!SHMUnlink(name));
}

BOOST_AUTO_TEST_CASE(other_memory_is_no_region) {
    char memory[16] = {};
    BOOST_CHECK_THROW(SHMInitialize(memory, 16), std::logic_error);
    BOOST_CHECK_THROW(SHMInitialized(memory, 16), std::logic_error);
    BOOST_CHECK_THROW(SHMInitialized(nullptr, 16), std::logic_error);
    BOOST_TEST(!SHMDetach(memory, 16));
}

BOOST_AUTO_TEST_SUITE_END()
