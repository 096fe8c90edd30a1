#pragma once

/// Packets through a pool, as a user writes it.

#include "support/contest.hpp"
#include "support/futex.hpp"
#include "support/process.hpp"

#include <valpool/valpool.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace valpool::bench {

constexpr std::size_t mebibyte = 1 << 20;

inline contestant valpool_contestant(const std::string& id, const std::string& label) {
    return {kind::valpool, id, "valpool, " + label};
}

/// Waits for a packet, for ever.
inline void take(CQ& pipe, waiting how, Val& out) {
    const double timeout_s = how == waiting::spinning ? 0 : std::numeric_limits<double>::infinity();
    while (!pipe.dequeue(timeout_s, out)) {
    }
}

/// How a packet is given to the pipe: handed over, or, as the original's document does it, copied
/// in (a handle, not the content) and let go of.
enum class giving { moved, copied };

/// `Payload` builds and checks what is in a packet; see record.
template <class Payload, giving Giving>
class valpool_transport {
public:
    explicit valpool_transport(int capacity_packets)
        : pool_name_("stream"), capacity_packets_(capacity_packets) {}

    class producer {
    public:
        explicit producer(const valpool_transport& t)
            : main_(t.pool_name_, 64 * mebibyte),
              server_(t.pool_name_, "packets", t.capacity_packets_) {
            main_.start();
            server_.start();
        }
        void send(std::int64_t sequence_number) {
            Val data = Shared(server_.pool(), Tab());
            Payload::build(data, sequence_number);
            if constexpr (Giving == giving::moved)
                server_.pipe().enq(std::move(data));
            else
                server_.pipe().enq(data);
        }

    private:
        SHMMain main_;
        ServerSide server_;
    };

    class consumer {
    public:
        explicit consumer(const valpool_transport& t) : client_(t.pool_name_, "packets") {
            client_.start();
        }
        std::int64_t receive() {
            const Val data = client_.pipe().deq();
            return Payload::check(data);
        }

    private:
        ClientSide client_;
    };

private:
    shm_name pool_name_;
    int capacity_packets_;
};

}  // namespace valpool::bench
