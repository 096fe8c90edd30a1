// How many packets a second cross between two pools over a bridge, and how many the same engine
// carries without valpool: MessagePack over the same client library. One process produces, one
// consumes, and checks each packet. bench/bridge/run.sh runs all of them.

#include "command_line.hpp"

#include <valpool/valpool.hpp>

#include <nats/nats.h>
#include <zmq.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <iterator>
#include <msgpack.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace valpool;

namespace {

const char usage[] =
    "usage: bridge_rate valpool|nats|zeromq PLACE_OUT PLACE_IN PACKETS BYTES\n"
    "The places are two pools (with a pipe `lab`, and a bridge between them), or a broker's "
    "address\n"
    "and a subject, or twice the same endpoint. Prints packets a second, megabytes a second, and\n"
    "microseconds of processor time a packet in the two programs.\n";

struct settings {
    std::string engine, out, in;
    int packets = 0;
    int bytes = 0;
};

void expect(bool is_right, const char* what) {
    if (!is_right) throw std::runtime_error(what);
}

// --- valpool -----------------------------------------------------------------------------------

void produce_valpool(const settings& s) {
    ServerSide side(s.out, "lab", 256);
    side.start();
    Array<real_4> samples;
    for (int i = 0; i < s.bytes / 4; ++i) samples.append(static_cast<real_4>(i));
    for (int i = 0; i < s.packets; ++i)
        side.pipe().enq(Shared(side.pool(), Tab{{"number", i}, {"samples", Val(samples)}}));
}

void consume_valpool(const settings& s) {
    ClientSide side(s.in, "lab");
    side.start();
    for (int i = 0; i < s.packets; ++i) {
        const Val packet = side.pipe().deq();
        expect(packet("number") == i, "a packet out of order");
        expect(static_cast<int>(packet("samples").length()) == s.bytes / 4, "a packet is cut");
    }
}

// --- MessagePack -------------------------------------------------------------------------------

msgpack::sbuffer packed(int number, const std::vector<char>& samples) {
    msgpack::sbuffer buffer;
    msgpack::packer<msgpack::sbuffer> p(buffer);
    p.pack_map(2);
    p.pack(std::string("number"));
    p.pack(number);
    p.pack(std::string("samples"));
    p.pack_bin(static_cast<std::uint32_t>(samples.size()));
    p.pack_bin_body(samples.data(), static_cast<std::uint32_t>(samples.size()));
    return buffer;
}

/// Returns the packet's number.
int number_in(const char* data, std::size_t size, int bytes) {
    const msgpack::object_handle handle = msgpack::unpack(data, size);
    const msgpack::object_map& map = handle.get().via.map;
    expect(static_cast<int>(map.ptr[1].val.via.bin.size) == bytes, "a packet is cut");
    return map.ptr[0].val.as<int>();
}

// --- NATS --------------------------------------------------------------------------------------

void ok(natsStatus status) { expect(status == NATS_OK, natsStatus_GetText(status)); }

struct broker {
    explicit broker(const settings& s) : stream("bench_" + s.in) {
        ok(natsConnection_ConnectTo(&connection, s.out.c_str()));
        jsOptions o;
        ok(jsOptions_Init(&o));
        o.PublishAsync.MaxPending = 4096;
        ok(natsConnection_JetStream(&js, connection, &o));
        jsStreamConfig c;
        ok(jsStreamConfig_Init(&c));
        const char* subject = s.in.c_str();
        c.Name = stream.c_str();
        c.Subjects = &subject;
        c.SubjectsLen = 1;
        c.Retention = js_WorkQueuePolicy;
        js_AddStream(nullptr, js, &c, nullptr, nullptr);  // both sides try
    }
    std::string stream;
    natsConnection* connection = nullptr;
    jsCtx* js = nullptr;
};

void produce_nats(const settings& s) {
    const broker b(s);
    const std::vector<char> samples(static_cast<std::size_t>(s.bytes), 'x');
    for (int i = 0; i < s.packets; ++i) {
        const auto buffer = packed(i, samples);
        ok(js_PublishAsync(b.js, s.in.c_str(), buffer.data(), static_cast<int>(buffer.size()),
                           nullptr));
    }
    ok(js_PublishAsyncComplete(b.js, nullptr));
}

void consume_nats(const settings& s) {
    const broker b(s);
    natsSubscription* sub = nullptr;
    jsErrCode error{};
    ok(js_PullSubscribe(&sub, b.js, s.in.c_str(), "bench", nullptr, nullptr, &error));
    int disorder = 0;
    for (int i = 0; i < s.packets;) {
        natsMsgList list{};
        const natsStatus status = natsSubscription_Fetch(&list, sub, 256, 5000, nullptr);
        if (status != NATS_TIMEOUT) ok(status);
        for (int m = 0; m < list.Count; ++m, ++i) {
            const int number =
                number_in(natsMsg_GetData(list.Msgs[m]),
                          static_cast<std::size_t>(natsMsg_GetDataLength(list.Msgs[m])), s.bytes);
            if (number != i) ++disorder;  // the engine's affair
            ok(natsMsg_Ack(list.Msgs[m], nullptr));
        }
        natsMsgList_Destroy(&list);
    }
    ok(natsConnection_Flush(b.connection));
    js_DeleteStream(b.js, b.stream.c_str(), nullptr, nullptr);
    if (disorder != 0) std::cerr << disorder << " packets out of order, without valpool\n";
}

// --- ZeroMQ ------------------------------------------------------------------------------------

void produce_zeromq(const settings& s) {
    zmq::context_t context(1);
    zmq::socket_t socket(context, zmq::socket_type::push);
    socket.connect(s.out);
    const std::vector<char> samples(static_cast<std::size_t>(s.bytes), 'x');
    for (int i = 0; i < s.packets; ++i) {
        const auto buffer = packed(i, samples);
        socket.send(zmq::buffer(buffer.data(), buffer.size()), zmq::send_flags::none);
    }
}

void consume_zeromq(const settings& s) {
    zmq::context_t context(1);
    zmq::socket_t socket(context, zmq::socket_type::pull);
    socket.bind(s.in);
    for (int i = 0; i < s.packets; ++i) {
        zmq::message_t m;
        expect(socket.recv(m).has_value(), "nothing came");
        expect(number_in(m.data<char>(), m.size(), s.bytes) == i, "a packet out of order");
    }
}

// --- both sides --------------------------------------------------------------------------------

using side = void (*)(const settings&);
struct engine {
    const char* name;
    side produce;
    side consume;
};
constexpr engine engines[] = {{"valpool", produce_valpool, consume_valpool},
                              {"nats", produce_nats, consume_nats},
                              {"zeromq", produce_zeromq, consume_zeromq}};

pid_t start(side run, const settings& s) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    int code = 0;
    try {
        run(s);
    } catch (const std::exception& e) {
        std::cerr << "bridge_rate: " << e.what() << "\n";
        code = 1;
    }
    _exit(code);
}

double seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

int run(const settings& s) {
    for (const engine& e : engines) {
        if (s.engine != e.name) continue;
        const auto began = std::chrono::steady_clock::now();
        const pid_t sides[] = {start(e.consume, s), start(e.produce, s)};
        for (std::size_t i = 0; i < std::size(sides); ++i) {
            int status = 0;
            wait(&status);
            if (status == 0) continue;
            for (const pid_t pid : sides) kill(pid, SIGKILL);
            return 1;
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        rusage used{};
        getrusage(RUSAGE_CHILDREN, &used);
        const double rate = s.packets / took.count();
        std::cout << static_cast<long>(rate) << ' ' << rate * s.bytes / 1e6 << ' '
                  << (seconds(used.ru_utime) + seconds(used.ru_stime)) / s.packets * 1e6 << '\n';
        return 0;
    }
    throw usage_error("there is no engine \"" + s.engine + "\"");
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("ENGINE", s.engine);
    line.text("OUT", s.out);
    line.text("IN", s.in);
    line.integer("PACKETS", s.packets, 1);
    line.integer("BYTES", s.bytes, 4);
    return run_program(line, argc, argv, [&] { return run(s); });
}
