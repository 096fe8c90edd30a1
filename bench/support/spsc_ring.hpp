#pragma once

/// The fastest way to pass fixed records between two processes that both spin: the limit.

#include "base/relax.hpp"
#include "support/process.hpp"
#include "support/record.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <tuple>
#include <utility>

namespace valpool::bench {

using detail::relax;

/// One producer, one consumer. Each index is written by one side only and has a cache line of its
/// own, on which that side also keeps what it last saw of the other one's: so the other line is
/// read only when the ring looks full, or empty.
template <class Record>
class spsc_ring {
public:
    /// Room for so many records lies directly behind the ring. `capacity`: a power of two.
    explicit spsc_ring(std::size_t capacity) : mask_(capacity - 1) {
        for (std::size_t i = 0; i < capacity; ++i) new (&records()[i]) Record();
    }
    static std::size_t bytes_behind(std::size_t capacity) { return capacity * sizeof(Record); }

    /// Waits for room; `fill` writes the record in place.
    template <class Fill>
    void put(Fill fill) {
        const std::uint64_t at = writer_.next.load(std::memory_order_relaxed);
        while (at - writer_.seen_of_other > mask_) {
            writer_.seen_of_other = reader_.next.load(std::memory_order_acquire);
            if (at - writer_.seen_of_other > mask_) relax();
        }
        fill(records()[at & mask_]);
        writer_.next.store(at + 1, std::memory_order_release);  // pairs with the acquire in take
    }

    /// Waits for a record; `look` reads it in place.
    template <class Look>
    auto take(Look look) {
        const std::uint64_t at = reader_.next.load(std::memory_order_relaxed);
        while (at == reader_.seen_of_other) {
            reader_.seen_of_other = writer_.next.load(std::memory_order_acquire);
            if (at == reader_.seen_of_other) relax();
        }
        const auto result = look(std::as_const(records()[at & mask_]));
        reader_.next.store(at + 1, std::memory_order_release);  // pairs with the acquire in put
        return result;
    }

private:
    struct alignas(128) side {  // two lines: the hardware fetches them in pairs
        std::atomic<std::uint64_t> next{0};
        std::uint64_t seen_of_other = 0;
    };
    Record* records() noexcept { return reinterpret_cast<Record*>(this + 1); }

    side writer_;
    side reader_;
    alignas(128) std::uint64_t mask_;
};

class ring_transport {
public:
    explicit ring_transport(std::size_t capacity)
        : ring_(ring::bytes_behind(capacity), std::make_tuple(capacity)) {}

    struct padded_record : fixed_record {
        char padding[64 - sizeof(fixed_record)];
    };
    static_assert(sizeof(padded_record) == 64);
    using ring = spsc_ring<padded_record>;

    class producer {
    public:
        explicit producer(const ring_transport& t) : ring_(*t.ring_) {}
        void send(std::int64_t sequence_number) {
            ring_.put([&](padded_record& r) { r.build(sequence_number); });
        }

    private:
        ring& ring_;
    };
    class consumer {
    public:
        explicit consumer(const ring_transport& t) : ring_(*t.ring_) {}
        std::int64_t receive() {
            return ring_.take([](const padded_record& r) { return r.check(); });
        }

    private:
        ring& ring_;
    };

private:
    shared<ring> ring_;
};

}  // namespace valpool::bench
