#pragma once

/// Packets through a pool, as a user writes it.

#include "support/contest.hpp"
#include "support/field_key.hpp"
#include "support/futex.hpp"
#include "support/process.hpp"
#include "support/stream.hpp"

#include <valpool/valpool.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
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

/// What is in a table: see message_pack for the same of another kind.
struct pooled_values {
    static const Val& at(const Val& t, std::string_view key) { return t[key]; }
    static const Val& at(const Val& t, const field_key& key) { return t[key.prepared]; }
    static const Val& below(const Val& t, std::string_view key) { return t[key]; }
    static std::int64_t integer(const Val& v) { return v; }
    static double real(const Val& v) { return v; }
    static std::string_view text(const Val& v) { return v.text(); }
    static bool has_integers(const Val& v, std::int64_t first, std::size_t count) {
        const Arr& all = v;
        if (all.length() != count) return false;
        for (const Val& item : all)
            if (integer(item) != first++) return false;
        return true;
    }
    static std::span<const std::byte> blob(const Val& v) {
        const Array<real_8>& all = v;
        return std::as_bytes(all.span());
    }
};

/// How a packet is made and given to the pipe: built field by field, and handed over or, as the
/// original's document does it, copied in (a handle, not the content) and let go of; or as a copy
/// of a model in the sender's own memory, in which one field is changed, handed over.
enum class giving { moved, copied, copied_from_model };

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
            if constexpr (Giving == giving::copied_from_model) {
                model_ = Tab();
                Payload::build(model_, 0);
            }
        }
        void send(std::int64_t sequence_number) {
            if constexpr (Giving == giving::copied_from_model) {
                Val data = Shared(server_.pool(), model_);
                Payload::change_model(data, sequence_number);
                server_.pipe().enq(std::move(data));
                return;
            }
            Val data = Shared(server_.pool(), Tab());
            Payload::build(data, sequence_number);
            if constexpr (Giving == giving::copied)
                server_.pipe().enq(data);
            else
                server_.pipe().enq(std::move(data));
        }

    private:
        SHMMain main_;
        ServerSide server_;
        Val model_;
    };

    /// Between the two of a pipeline: the packet stays where it is.
    class middle {
    public:
        explicit middle(const valpool_transport& t)
            : client_(t.pool_name_, "packets"),
              server_(t.pool_name_, "passed on", t.capacity_packets_) {
            client_.start();
            server_.start();
        }
        std::int64_t pass_on() {
            Val data = client_.pipe().deq();
            Val& number = data[Payload::changed_key];
            const std::int64_t old = number;
            number = Payload::changed(old);
            server_.pipe().enq(std::move(data));
            return old;
        }

    private:
        ClientSide client_;
        ServerSide server_;
    };

    class consumer {
    public:
        explicit consumer(const valpool_transport& t, bool is_last_of_three = false)
            : client_(t.pool_name_, is_last_of_three ? "passed on" : "packets") {
            client_.start();
        }
        std::int64_t receive() {
            const Val data = client_.pipe().deq();
            if constexpr (Giving == giving::copied_from_model)
                return Payload::template check_model<pooled_values>(data);
            else
                return Payload::template check<pooled_values>(data);
        }

    private:
        ClientSide client_;
    };

private:
    shm_name pool_name_;
    int capacity_packets_;
};

/// The pool's bytes that a packet takes that waits in a pipe, without its cell there; once some
/// have been sent, for a thread learns from these.
template <class Payload>
measurements valpool_packet_size(const options&) {
    constexpr int packets = 1000;
    const shm_name pool_name("bytes");
    const shared<std::size_t> used;
    const auto send = [&] {
        SHMMain main(pool_name, 64 * mebibyte);
        main.start();
        CQ pipe(2 * packets, main.pool(), true);
        const auto send_some = [&] {
            for (std::int64_t n = 0; n < packets; ++n) {
                Val data = Shared(main.pool(), Tab());
                Payload::build(data, ordinary_number + n);
                pipe.enq(std::move(data));
            }
        };
        send_some();
        const std::size_t before = main.pool()->usedBytes();
        send_some();
        *used = (main.pool()->usedBytes() - before) / packets;
    };
    run_processes({{0, send}}, longest_measurement);
    return {packet_size(*used)};
}

}  // namespace valpool::bench
