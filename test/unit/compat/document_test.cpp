/// The code fragments of the original's document, as a reader would copy them into a program: with
/// the original's header names, and everything in the global namespace. Built as C++17 and as
/// C++20.

#include "checkshm.h"
#include "ocarray.h"
#include "occq.h"
#include "ocport.h"
#include "ocproxy.h"
#include "ocstreamingpool.h"
#include "ocstringize.h"
#include "octab.h"
#include "ocval.h"
#include "sharedmem.h"
#include "shmboot.h"

#define BOOST_TEST_MODULE document
#include <boost/test/unit_test.hpp>

#include <thread>
#include <unistd.h>

OC_BEGIN_NAMESPACE
OC_END_NAMESPACE
PTOOLS_BEGIN_NAMESPACE
PTOOLS_END_NAMESPACE

struct {
    volatile int break_;
} Mc_structure, *Mc = &Mc_structure;

inline bool Mc_break_checker() {
    volatile int br = Mc->break_;
    if (br) {
        return true;
    } else {
        return false;
    }
}

string unique_name(const char* what) {
    return "valpool_test_" + Stringize(getpid()) + "_document_" + what;
}

BOOST_AUTO_TEST_CASE(a_table_in_shared_memory) {
    size_t bytes = 1024 * 1024;
    string name = unique_name("region");
    char* mem = SHMCreate(name, bytes);
    BOOST_REQUIRE(mem);
    StreamingPool* shm = StreamingPool::CreateStreamingPool(mem, bytes, 8);
    {
        Val v = Shared(shm, Tab());
        v["a"] = "hello";
        BOOST_TEST(Stringize(v) == "{'a': 'hello'}");
        Allocator* a = v.allocator();
        BOOST_TEST(a == shm);
        Val w = Shared(a, Tab());
        BOOST_TEST(IsSHM(w, a));
        Val heap = Tab();
        BOOST_TEST(!heap.allocator());
    }
    BOOST_TEST(shm->isPristine());
    StreamingPool::Clean(shm);
    SHMDetach(mem, bytes);
    SHMUnlink(name);
}

BOOST_AUTO_TEST_CASE(server_transformer_and_client) {
    string region = unique_name("pipeline");
    bool debug = false;
    SHMMain mem(region, 1000000, debug, 0, Mc_break_checker, int_8(1e5));
    mem.warning(false);
    mem.start();

    std::thread transformer([&] {
        ClientSide client(region, "pipe_0", false);
        client.start();  // read from this pipe
        CQ& input = client.pipe();

        ServerSide server(region, "pipe_1", 4, false);
        server.start();  // write to this pipe
        CQ& out = server.pipe();

        while (1) {
            Val in_packet;
            if (!input.dequeue(.1, in_packet)) continue;
            bool end = in_packet == None;
            bool enqueued = false;
            while (!enqueued) {
                enqueued = out.enqueue(in_packet, .1);
            }
            if (end) break;
        }
    });

    std::thread reader([&] {
        ClientSide client(region, "pipe_1", false);
        client.start();  // blocks waiting for pipe to be created
        CQ& pipe = client.pipe();
        real_8 timeout_in_seconds = 5.5;
        int_4 expected = 0;
        while (1) {
            Val packet;
            bool valid = false;
            while (!valid) {
                valid = pipe.dequeue(timeout_in_seconds, packet);
            }
            if (packet == None) break;
            int_4 seq = packet["sequence_number"];
            if (seq != expected++) abort();
        }
        if (expected != 100) abort();
    });

    bool no_debug = false;
    int packet_capacity = 4;
    ServerSide server(region, "pipe_0", packet_capacity, no_debug);
    server.start();
    CQ& pipe = server.pipe();
    for (int seq = 0; seq < 100; seq++) {
        Val data = Shared(server.pool(), Tab());
        data["sequence_number"] = seq;
        bool enqueued = false;
        real_8 timeout_in_seconds = 3.2;
        while (!enqueued) {
            enqueued = pipe.enqueue(data, timeout_in_seconds);
        }
    }
    Val data2 = Tab();
    BOOST_TEST(!IsSHM(data2, server.pool()));
    pipe.enq(None);
    transformer.join();
    reader.join();
    Allocator* a = server.pool();
    BOOST_TEST(a->isPristine());
}

BOOST_AUTO_TEST_CASE(letting_go) {
    string region = unique_name("letting_go");
    SHMMain mem(region, 1000000);
    mem.start();
    ServerSide server(region, "pipe", 4);
    server.start();
    CQ& pipe = server.pipe();
    StreamingPool* shm = server.pool();
    {
        Val v = Shared(shm, Tab());  // ref count at 1
        BOOST_TEST(Proxy(v).refcount() == 2u);  // v and the Proxy
        pipe.enq(v);                 // ref count at 2
    }                                // Val destructed, ref count at 1
    BOOST_TEST(!shm->isPristine());
    {
        Val off = pipe.deq();  // Ref count at 1
    }                          // Val destructed, ref count at 0, memory reclaimed
    BOOST_TEST(shm->isPristine());
}

BOOST_AUTO_TEST_CASE(multicast_with_n_clients) {
    string region = unique_name("multicast");
    SHMMain mem(region, 1000000);
    mem.start();
    ServerSide source(region, "pipe_input", 4);
    source.start();
    int number_of_outputs = 3;

    ClientSide single_input(region, "pipe_input");
    single_input.start();
    CQ& input = single_input.pipe();

    Array<ServerSide*> outputs;
    for (int ii = 0; ii < number_of_outputs; ii++) {
        ServerSide* ssp = new ServerSide(region, "out" + Stringize(ii), 4);
        ssp->start();
        outputs.append(ssp);
    }
    source.pipe().enq(Shared(source.pool(), Tab()));
    Val in_packet;
    BOOST_REQUIRE(input.dequeue(.1, in_packet));
    for (size_t ii = 0; ii < outputs.length(); ii++) {
        ServerSide* ssp = outputs[ii];
        CQ& out = ssp->pipe();
        bool enqueued = out.enqueue(in_packet, 5.0);
        if (!enqueued) {
            cerr << "Reader " << ii << " is too slow, dropping packet" << endl;
        }
        BOOST_TEST(enqueued);
    }
    for (size_t ii = 0; ii < outputs.length(); ii++) {
        BOOST_TEST(is(outputs[ii]->pipe().deq(), in_packet));
        delete outputs[ii];
    }
}

BOOST_AUTO_TEST_CASE(an_external_break_ends_the_wait) {
    Mc->break_ = 1;
    ClientSide client(unique_name("nobody"), "pipename", false, 0, Mc_break_checker, 1000);
    BOOST_TEST(client.start() == STOPPED);
    Mc->break_ = 0;
}
