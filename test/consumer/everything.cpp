// Uses the public headers as a user with flags other than the library's: with all warnings as
// errors, and in the debug mode of the standard library. Prints "ok".
#include <valpool/valpool.hpp>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <unistd.h>

using namespace valpool;

namespace {

int line_of_failure = 0;
#define EXPECT(condition)                                                     \
    do {                                                                      \
        if (!(condition) && line_of_failure == 0) line_of_failure = __LINE__; \
    } while (false)

template <class... T>
void numbers() {
    const auto one = [](auto number) {
        using type = decltype(number);
        Val v = number;
        v = number;
        EXPECT(v == number && number == v && !(v != number) && v <= number && !(v < number));
        EXPECT(static_cast<type>(v) == number && v.as<type>() == number);
        EXPECT(get_if<type>(v) == number);
        Array<type> a;
        a.append(number);
        a.insertAt(0, number);
        a.fill(number, 2);
        EXPECT(a.index(number) == 0 && a.length() == 4 && a == Array<type>(Val(a)));
        Val list = a;
        EXPECT(static_cast<Array<type>&>(list).contains(number) && get_if<Array<type>>(list));
        std::ostringstream out;
        out << a;
        for (type& item : a) EXPECT(item == number);
    };
    (one(T(1)), ...);
}

struct describe {
    std::string operator()(std::monostate) const { return "None"; }
    template <class T>
    std::string operator()(const T& content) const {
        return Stringize(content);
    }
};

void values() {
    numbers<bool, int_1, int_u1, int_2, int_u2, int_4, int_u4, int_8, int_u8, real_4, real_8>();
    Val v = Tab{{"a", 1}, {"b", "text"}, {2, Arr{1, 2.5, "three"}}};
    EXPECT(visit(describe(), Val("x")) == "x" && visit(describe(), None) == "None");
    EXPECT(hash_value(v) == std::hash<Val>()(v));
    std::map<Val, int> ordered{{v, 1}, {None, 2}};
    std::set<Val> set{1, "a", 2.5};
    std::unordered_map<Val, Val> hashed{{"a", 1}};
    std::vector<Val> several{1, 2, 3};
    EXPECT(ordered.size() == 2 && set.size() == 3 && hashed["a"] == 1 && several.size() == 3);
    const auto complex = complex_16(1, 2);
    EXPECT(static_cast<complex_16>(Val(complex)) == complex);
    for (auto& [key, value] : static_cast<Tab&>(v)) EXPECT(v(key) == value);
    OTab ordered_table{{"z", 1}, {"a", 2}};
    Tup tuple(1, "two", 3.0);
    EXPECT(Val(tuple).length() == 3 && Val(ordered_table)["z"] == 1);
    Array<std::string> texts{"a", "b"};
    texts.append("c");
    EXPECT(texts[2] == "c" && texts[0] + "x" == "ax" && texts[1][0] == 'b');
    Proxy shared = Locked(new Tab(static_cast<const Tab&>(v)));
    const TransactionLock lock(shared);
    EXPECT(shared["b"] == "text" && TagFor(static_cast<const int_4*>(nullptr)) == 'l');
    std::ostringstream out;
    out << v << shared << int_n(5) << tuple.length();
    v.prettyPrint(out);
}

/// Iterators and big integers contain containers that the library fills.
void containers_inside() {
    Val v = Tab{{"b", 2}, {"a", 1}, {"c", 3}};
    std::string keys;
    int_8 sum = 0;
    for (It it(v); it();) sum += static_cast<int_8>(it.value());
    for (Sit it(v); it();) keys += static_cast<std::string>(it.key());
    EXPECT(sum == 6 && keys == "abc");
    int_n factorial = 1;
    for (int i = 1; i <= 40; ++i) factorial *= i;
    int_n copy(factorial);
    copy = std::move(factorial);
    ++copy;
    EXPECT((copy - 1).stringize() == "815915283247897734345611269596115894272000000000");
    EXPECT(Val(copy).as<int_n>() == copy && int_un(7).as<int>() == 7 && -copy < copy);
    CircularBuffer<Val> ring(2, true);
    for (int i = 0; i < 5; ++i) ring.put(i);
    EXPECT(ring.get() == 0 && ring.length() == 4);
}

void texts() {
    EXPECT(parse("[1, {'a': None}]")[1]["a"] == None && Eval("3") == 3);
    EXPECT(to_json(Tab{{"a", Arr{1, None}}}) == "{\"a\":[1,null]}" ||
           to_json(Tab{{"a", Arr{1, None}}}) == "{\"a\": [1, null]}");
    EXPECT(from_json("[1, 2]") == Arr({1, 2}));
    std::istringstream in("{'a': 1}");
    Val v;
    ReadValFromStream(in, v);
    ValReader reader("{'t': 1} [2]");
    Tab t;
    Arr a;
    reader.expectTab(t);
    reader.expectArr(a);
    EXPECT(v["a"] == 1 && t["t"] == 1 && a[0] == 2 && reader.EOFComing());
}

void queues() {
    CQ queue(8);
    std::vector<Val> values{1, "two", Tab{{"three", 3}}};
    EXPECT(queue.enqueue_many(values) == 3 && queue.enqueue_many(values, 0.0) == 3);
    EXPECT(queue.enqueue_many(values.data(), 1, 0) == 1);
    std::vector<Val> out;
    EXPECT(queue.dequeue_many(out, 4) == 4 && queue.dequeue_many(out, 9, 0.5) == 3);
    EXPECT(out.size() == 7 && out[1] == "two" && out[2]["three"] == 3);
    EXPECT(queue.dequeue_many(out, 1, 0) == 0 && queue.dequeue_many(out, 1, Val(0)) == 0);
    queue.enq(0);
    queue.enq(values[0]);
    Val packet;
    EXPECT(queue.enqueue("text", 1) && queue.enqueue(Val(1)) && queue.try_enqueue(2));
    EXPECT(queue.dequeue(0, packet) && queue.dequeue(None, packet) && queue.try_dequeue(packet));
    EXPECT(packet == "text" && !queue.full() && queue.deq() == 1);
}

void pools() {
    const std::string name = "valpool_everything_" + std::to_string(getpid());
    bool stops = false;
    SHMMain main(name, 1000000, [&stops] { return stops; });
    EXPECT(main.start() == STARTED);
    ServerSide server(
        name, "pipe", 4, [&stops] { return stops; }, 1000);
    ClientSide client(name, "pipe", false, nullptr, nullptr);
    EXPECT(server.start() == STARTED && client.start() == STARTED);
    Val shared = Shared(server.pool(), Tab{{"a", Array<real_8>{1.0, 2.0}}});
    EXPECT(InSHM(shared, server.pool()) && InSHM(static_cast<Tab&>(shared), server.pool()));
    Tap tap(name, "pipe", 4);
    server.pipe().enq(shared);
    Val seen;
    EXPECT(tap.next(0, seen) && is(seen, shared) && tap.missed() == 0 && tap.depth() == 4);
    std::vector<Val> out;
    EXPECT(client.pipe().dequeue_many(out, 3) == 1 && out[0]["a"].length() == 2);
    const pool_report report = check(server.pool());
    EXPECT(report.is_sound() && report.living_processes.size() == 1 && report.parents.empty());
    EXPECT(report.living_processes[0] == getpid() && report.dead_processes.empty());
    const pool_report copy(report);
    std::ostringstream text;
    text << copy;
    for (const std::string& problem : copy.problems) text << problem;
    char* const raw = server.pool()->allocate(100);
    EXPECT(IsContainedMemory(raw, server.pool()));
    server.pool()->deallocate(raw);
}

void threads() {
    OCThread thread("name", false);
    thread.start([](void* data) { return data; }, nullptr);
    thread.join();
    Mutex mutex;
    const ProtectScope scope(mutex);
    CondVar changed;
    changed.lock();
    EXPECT(changed.timedwait(0));
    changed.unlock();
}

}  // namespace

int main() {
    values();
    containers_inside();
    texts();
    queues();
    pools();
    threads();
    if (line_of_failure != 0) {
        std::cout << "line " << line_of_failure << "\n";
        return 1;
    }
    std::cout << "ok\n";
    return 0;
}
