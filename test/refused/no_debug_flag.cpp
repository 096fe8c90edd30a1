// An argument that is neither a flag nor a break checker must not be taken as `debug`. run.sh
// compares the lines that have errors with the lines that are marked as wrong.
#include <valpool/valpool.hpp>

#include <atomic>
#include <functional>
#include <type_traits>
#include <vector>

using namespace valpool;

namespace {
bool says_so() { return true; }
int says_it_with_an_int() { return 1; }
struct functor {
    bool operator()() { return ++calls > 3; }
    int calls = 0;
};
}  // namespace

void flags_and_checkers(std::atomic<bool>& flag, Val v, std::vector<bool> flags, functor& f) {
    const BreakChecker none = nullptr;
    ClientSide(std::string("pool"), "pipe", false, nullptr, says_so, 5);
    ClientSide("pool", "pipe", true, nullptr, nullptr);
    ClientSide("pool", "pipe", 0, 0, 0);
    ClientSide("pool", "pipe", 1, nullptr, [&flag] { return flag.load(); });
    ClientSide("pool", "pipe", flag);
    ClientSide("pool", "pipe", v);
    ClientSide("pool", "pipe", flags[0]);
    ClientSide("pool", "pipe", std::true_type());
    ClientSide("pool", "pipe", says_so);
    ClientSide("pool", "pipe", &says_so, 5);
    ClientSide("pool", "pipe", says_it_with_an_int);
    ClientSide("pool", "pipe", none);
    ClientSide(
        "pool", "pipe", [] { return true; }, 0);
    ClientSide("pool", "pipe", std::function<bool()>());
    ServerSide("pool", "pipe", 1, functor());
    ServerSide("pool", "pipe", 1, f, 5);
    ServerSide("pool", "pipe", 1, std::ref(f));
    SHMMain("pool", 1, [&flag] { return flag.load(); });
    SHMMain(
        "pool", 1, [&flag] { return flag.load(); }, 5);
    SHMMain(
        "pool", 1, true, nullptr, [] { return true; }, 5);
}

void* run(void* data) { return data; }

void others(void* address, int* number, const Val& v, StreamingPool* pool) {
    const auto lambda = [] { return true; };
    SHMCreate("region", 1, true, address);
    InSHM(v, pool, true, "context");
    InSHM(Tab(), pool, true, "context");
    SHMCreate("region", 1, address);                           // wrong
    InSHM(v, pool, "context");                                 // wrong
    InSHM(Tab(), pool, "context");                             // wrong
    IsSHM(v, pool, "context");                                 // wrong
    OCThread("name", run);                                     // wrong
    ClientSide("pool", "pipe", "yes");                         // wrong
    ClientSide("pool", "pipe", nullptr);                       // wrong
    ClientSide("pool", "pipe", number);                        // wrong
    ClientSide("pool", "pipe", [](int) { return true; });      // wrong
    ClientSide("pool", "pipe", lambda, nullptr);               // wrong
    ClientSide("pool", "pipe", says_so, nullptr, nullptr, 5);  // wrong
    ClientSide("pool", "pipe", false, nullptr, "yes");         // wrong
    ServerSide("pool", "pipe", 1, &functor::calls);            // wrong
    ServerSide("pool", "pipe", [] { return true; });           // wrong
    SHMMain("pool", 1, address);                               // wrong
    SHMMain("pool", 1, lambda, address);                       // wrong
}
