#include "crash/scenario.hpp"

#include "object/box_lock.hpp"

#include <valpool/valpool.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace valpool::test {
namespace {

void use_raw_memory(StreamingPool& pool) {
    std::vector<char*> pieces;
    for (const std::size_t size : {10u, 100u, 1000u, 3000u, 20000u, 100u, 100u})
        pieces.push_back(pool.allocate(size));
    for (char* piece : pieces) pool.deallocate(piece);
    // More than one batch of frees; pages that are used up, refilled and emptied.
    pieces.clear();
    for (int i = 0; i < 150; ++i) pieces.push_back(pool.allocate(40));
    for (std::size_t i = 0; i < 150; i += 2) pool.deallocate(std::exchange(pieces[i], nullptr));
    for (int i = 0; i < 100; ++i) pieces.push_back(pool.allocate(40));
    for (char* piece : pieces) pool.deallocate(piece);
    pool.allocate(50);  // an allocation that is never freed
    std::vector<char*> of_thread;
    std::thread([&] {
        for (int i = 0; i < 3; ++i) of_thread.push_back(pool.allocate(70));
    }).join();
    for (char* piece : of_thread) pool.deallocate(piece);
}

void use_values(StreamingPool& pool) {
    Val table = Shared(&pool, Tab());
    for (int i = 0; i < 12; ++i) table["key " + std::to_string(i)] = i;
    table["text"] = std::string(300, 'x');
    table["large"] = std::string(9000, 'y');
    table["list"] = Arr{1, 2.5, "three", Tab{{"four", 4}}};
    table["numbers"] = Array<real_8>{1, 2, 3};
    table.remove("large");
    table.remove("text");
    table["text"] = std::string(290, 'z');

    Val other = Shared(&pool, Tab{{"a", 1}});
    table["other"] = other;
    table["again"] = other;
    Val out = table["other"];
    table.remove("again");
    other = None;
    {
        const TransactionLock lock(table);
        table["key 1"] = "changed";
    }
    Val copy = table;
    table = None;
    Val chain = Shared(&pool, Tab());
    for (int i = 0; i < 3; ++i) {
        Val next = Shared(&pool, Tab());
        next["next"] = chain;
        chain = next;
    }
}

/// One thread holds the lock for so long that another one sleeps and reserves it.
void wait_for_a_lock(StreamingPool& pool) {
    Val table = Shared(&pool, Tab());
    auto lock = std::make_unique<TransactionLock>(table);
    std::thread waiter([&] { const TransactionLock mine(table); });
    const auto& word = detail::value_access::target(table)->lock_word;
    while ((word & detail::lock_reserved) == 0) std::this_thread::yield();
    lock.reset();
    waiter.join();
}

/// Changes a table that other processes can reach, with its lock and without.
void change_in_public(const std::string& name) {
    ServerSide side(name, "changing", 4);
    side.start();
    Val table = Shared(side.pool(), Tab{{"first", "there from the start"}});
    side.pipe().enq(table);
    for (int i = 0; i < 10; ++i) table["key " + std::to_string(i)] = std::string(30, 'x');
    table["list"] = Arr();
    for (int i = 5; i < 10; ++i) {
        table["list"].append(std::move(table["key " + std::to_string(i)]));  // moves within the box
        table["list"].append(Val(std::string(30, 'y')));                     // copies into the box
    }
    const TransactionLock lock(table);
    table.remove("key 3");
    table["key 4"] = Arr{1, 2};
}

void use_a_poisoned_value(StreamingPool& pool) {
    Val table = Shared(&pool, Tab{{"text", std::string(2000, 'x')}});
    table["other"] = Shared(&pool, Tab());
    detail::value_access::target(table)->poisoned = true;
    Proxy(table).clear();
    table["text"] = "anew";
}

/// At the third call, at least one whole sleep has been in vain. (A thread that looks for dead
/// processes may have cut another sleep short.)
bool has_waited_enough() {
    static int times = 0;
    return ++times % 3 == 0;
}

/// Waits for so long that it becomes overdue, and others have to let it go first.
void wait_in_vain(const std::string& name) {
    constexpr int micro_sleep = 6000;
    ServerSide own(name, "pipe of the victim", 3, false, nullptr, has_waited_enough, micro_sleep);
    own.start();
    own.pipe().spin(0);  // otherwise others might keep the processor until the time is over
    Val nothing;
    own.pipe().dequeue(10.0, nothing);
}

void use_queues(const std::string& name, ServerSide& output, ClientSide& input,
                crash_board& board) {
    for (int i = 0; i < 4; ++i) {
        Val packet = Shared(output.pool(), Tab{{"number", i}});
        if (i % 2 == 0)
            output.pipe().enq(packet);
        else
            output.pipe().enq(std::move(packet));
        board.sent = i + 1;
    }
    for (int i = 0; i < packets_for_victim - 1; ++i) {
        const Val packet = input.pipe().deq();
        if (packet("number") == i) board.received = i + 1;
    }
    wait_in_vain(name);
    ClientSide sleeper(name, "to sleeper");
    sleeper.start();
    for (int i = 0; i < 2; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));  // by then it sleeps again
        sleeper.pipe().enq(i);
        board.woken_with = i + 1;
    }
    CQ unnamed(2, output.pool(), true);
    unnamed.enq(Tab{{"a", 1}});
    unnamed.enq(2);
    unnamed.deq();
    Lease lease = unnamed.lease(0.0);
    unnamed.enq(3);
    lease.ack();
    unnamed.lease(0.0).ack();
}

/// Takes a packet of the pipe on loan, and gives it back.
void lease_in_vain(CQ& pipe) { pipe.lease(0.0).give_back(); }

/// Leases that end in each way there is. The packets are done with in their order.
void use_leases(const std::string& name, crash_board& board) {
    ClientSide side(name, "leased");
    side.start();
    CQ& pipe = side.pipe();
    const auto done = [&] { ++board.leases_done; };
    if (pipe.lease(0.0).ack()) done();
    lease_in_vain(pipe);
    if (pipe.lease(0.0).ack()) done();
    lease_in_vain(pipe);
    if (Val packet; pipe.dequeue(0.0, packet)) done();
    lease_in_vain(pipe);
    LeaseOptions once;
    once.most_deliveries = 1;
    once.dead_letters = "dead letters";
    const Lease moves_one = pipe.lease(0.0, once);  // and gets the one after it
    done();
    Lease(moves_one ? pipe.lease(0.0) : Lease()).give_back();
}

/// The last leases, on what the first ones have left.
void use_more_leases(const std::string& name, crash_board& board) {
    ClientSide side(name, "leased");
    side.start();
    CQ& pipe = side.pipe();
    LeaseOptions once;
    once.most_deliveries = 1;
    const Lease drops_two = pipe.lease(0.0, once);  // those that have been given back
    board.leases_done = dead_letter + 3;
    LeaseOptions brief;
    brief.deadline_s = 0;
    const Lease late = pipe.lease(0.0, brief);
    pipe.lease(0.0);
}

void use_sources(const std::string& name, const crash_board& board) {
    ClientSide side(name, "numbered");
    side.start();
    feed_from_source(side.pipe(), *side.pool(), board);
    // A source that nobody has had before, and that puts nothing.
    const IdempotentProducer fresh(side.pipe(), "source " + std::to_string(getpid()));
}

/// A packet that could not be delivered is leased next.
void lease_what_was_put_back(StreamingPool& pool) {
    std::vector<char> memory(300000);
    StreamingPool* const small = StreamingPool::CreateStreamingPool(memory.data(), memory.size());
    {
        Val there = Shared(small, Tab{{"a", 1}});
        std::vector<char*> filling;
        while (const std::size_t rest = small->biggestFree())
            filling.push_back(small->allocate(rest));
        CQ queue(2, &pool, true);
        queue.enq(Shared(&pool, Tab{{"text", std::string(3000, 'x')}}));
        try {
            queue.dequeue(0.0, there["a"]);
        } catch (const PoolExhausted&) {
            queue.lease(0.0).ack();
        }
        for (char* piece : filling) small->deallocate(piece);
    }
    StreamingPool::Clean(small);
}

/// Looks on at a pipe by taps: one that waits for it, one that is overrun, one that drops packets
/// because they are too large.
void look_on(const std::string& name) {
    Tap waiting(name, "looked at", 8);
    ServerSide side(name, "looked at", 8);
    side.temporary(true);
    side.start();
    Tap shallow(name, "looked at", 2);
    Tap small(name, "looked at", 4, 800);
    for (int i = 0; i < 4; ++i) {
        Val packet = Shared(side.pool(), Tab{{"number", i}});
        if (i % 2 == 0)
            side.pipe().enq(packet);
        else
            side.pipe().enq(std::move(packet));
        if (i > 0) side.pipe().deq();
    }
    Val seen;
    for (int i = 0; i < 4; ++i) waiting.next(0.0, seen);
    shallow.next(0.0, seen);
    small.next(0.0, seen);
    side.pipe().deq();
}

/// Acts like a client that asks for a reply and gets one more than it takes, and like a program
/// that removes a pipe.
void use_pipes_that_go(const std::string& name) {
    ServerSide other(name, "pipe of the victim", 3);
    other.start();
    Val packet = Shared(other.pool(), Tab{{"a", 1}});
    {
        ServerSide reply(name, reply_pipe, 2);
        reply.temporary(true);
        reply.start();
        ClientSide replier(name, reply_pipe);
        replier.start();
        replier.pipe().enq(packet);
        replier.pipe().enq(Shared(other.pool(), Tab{{"a", 2}}));
        lease_in_vain(replier.pipe());
    }
    ServerSide(name, "removed later", 2).start();
    other.removePipe("removed later");
}

/// Counts the passes of all processes meanwhile. The parent waits, and the others hardly do
/// anything.
class passes_meanwhile {
public:
    explicit passes_meanwhile(crash_board& board) : board_(board) {
        for (std::size_t p = 0; p < before_.size(); ++p) before_[p] = board_.plan.passes[p];
    }
    ~passes_meanwhile() {
        for (std::size_t p = 0; p < before_.size(); ++p)
            board_.offspring_passes[p] = board_.plan.passes[p] - before_[p];
    }
    passes_meanwhile(const passes_meanwhile&) = delete;
    passes_meanwhile& operator=(const passes_meanwhile&) = delete;

private:
    crash_board& board_;
    std::array<std::uint64_t, detail::kill_plan::max_points> before_;
};

}  // namespace

void feed_from_source(CQ& numbered, StreamingPool& pool, const crash_board& board) {
    IdempotentProducer source(numbered, source_of_victim);
    const auto end = static_cast<std::uint64_t>(board.source_base + packets_of_source);
    while (source.last() < end) {
        const std::uint64_t n = source.last() + 1;
        source.enqueue(Shared(&pool, Tab{{"number", n}}), n, 5.0);
    }
}

void claim_orders(crash_board& board) {
    for (auto& order : board.plan.orders) order.victim = getpid();
}

int live_a_whole_life(const std::string& name, crash_board& board) {
    ServerSide output(name, "from victim", 8);
    output.start();
    ClientSide input(name, "to victim");
    input.start();
    StreamingPool& pool = *output.pool();
    use_raw_memory(pool);
    use_values(pool);
    use_a_poisoned_value(pool);
    wait_for_a_lock(pool);
    change_in_public(name);
    look_on(name);
    {
        const Tap tap(name, "to sleeper", 4);
        use_queues(name, output, input, board);
        const Tap of_replies(name, reply_pipe, 4);
        use_pipes_that_go(name);
    }
    use_leases(name, board);
    use_more_leases(name, board);
    lease_what_was_put_back(pool);
    use_sources(name, board);

    auto inherited = std::make_unique<Val>(Shared(&pool, Tab{{"a", 1}}));
    board.has_parent_let_go = false;
    const pid_t parent = getpid();
    child offspring([&] {
        while (!board.has_parent_let_go && getppid() == parent) std::this_thread::yield();
        if (board.is_offspring_to_die) claim_orders(board);
        const passes_meanwhile counted(board);
        inherited.reset();
        return 0;
    });
    inherited.reset();
    board.has_parent_let_go = true;
    board.offspring_end = offspring.wait();
    std::thread([&pool] { Shared(&pool, Tab{{"thread", 1}}); }).join();
    return 0;
}

void work_for_ever(const std::string& name) {
    ServerSide side(name, "second victim", 4);
    side.start();
    for (int i = 0;; ++i) {
        use_raw_memory(*side.pool());
        use_values(*side.pool());
        side.pipe().enqueue(Shared(side.pool(), Tab{{"number", i}}), 0.0);
        Val packet;
        if (i % 3 == 0) side.pipe().dequeue(0.0, packet);
        Lease lease = side.pipe().lease(0.0);
        if (lease && i % 2 == 0) lease.ack();
    }
}

}  // namespace valpool::test
