// Packets, a timer and signals in one event loop: Boost.Asio waits for all of them at once.

#include "command_line.hpp"

#include <valpool/valpool.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

using namespace valpool;
namespace asio = boost::asio;

namespace {

const char usage[] =
    "usage: event_loop_ex POOL PIPE [options]\n"
    "Waits for the memory pool POOL and the pipe PIPE in it; then counts the packets that come,\n"
    "until the end mark or a signal, and says every second how many.\n"
    "  --seconds S     end after so many seconds (default: never)\n"
    "example: event_loop_ex mempool pipe2\n";

struct settings {
    std::string pool, pipe;
    double seconds = 0;  // 0: never
};

/// Reads a pipe as the event loop tells it to.
class reader {
public:
    reader(asio::io_context& loop, CQ& pipe)
        : loop_(loop), pipe_(pipe), ready_(loop, pipe.readable_fd()) {
        wait();
    }
    ~reader() { ready_.release(); }  // the queue closes it
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    long long count() const { return count_; }

private:
    void wait() {
        ready_.async_wait(asio::posix::stream_descriptor::wait_read,
                          [this](const boost::system::error_code& error) {
                              if (!error && take()) wait();
                          });
    }
    /// Takes some of the packets that are there, so that the loop's other work gets its turn. False
    /// at the end mark.
    bool take() {
        constexpr int some = 100;
        Val packet;
        for (int i = 0; i < some && pipe_.try_dequeue(packet); ++i) {
            if (packet.isNone()) {
                loop_.stop();
                return false;
            }
            ++count_;
        }
        return true;
    }

    asio::io_context& loop_;
    CQ& pipe_;
    asio::posix::stream_descriptor ready_;
    long long count_ = 0;
};

/// Says every second how many packets there were.
class reporter {
public:
    reporter(asio::io_context& loop, const reader& packets) : timer_(loop), packets_(packets) {
        wait();
    }

private:
    void wait() {
        timer_.expires_after(std::chrono::seconds(1));
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (error) return;
            std::cout << packets_.count() << " packets so far\n" << std::flush;
            wait();
        });
    }

    asio::steady_timer timer_;
    const reader& packets_;
};

int run(const settings& s) {
    ClientSide client(s.pool, s.pipe, true);
    client.start();

    asio::io_context loop;
    asio::signal_set signals(loop, SIGINT, SIGTERM);
    signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
    const reader packets(loop, client.pipe());
    const reporter reports(loop, packets);
    if (s.seconds > 0)
        loop.run_for(std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::duration<double>(s.seconds)));
    else
        loop.run();
    std::cout << "got " << packets.count() << " packets\n";
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.text("PIPE", s.pipe);
    line.real("--seconds", s.seconds);
    return run_program(line, argc, argv, [&] { return run(s); });
}
