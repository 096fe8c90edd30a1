#pragma once

/// The packet of W1 as a Boost.Interprocess map of variants with text keys, in a
/// managed_shared_memory, passed by its offset through a message_queue.

#include "peers/byte_channels.hpp"
#include "support/record.hpp"

#include <boost/interprocess/containers/map.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/variant.hpp>

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace valpool::bench {

class container_transport {
    using segment = boost::interprocess::managed_shared_memory;
    template <class T>
    using allocator = boost::interprocess::allocator<T, segment::segment_manager>;
    using text = boost::interprocess::basic_string<char, std::char_traits<char>, allocator<char>>;
    using value = boost::variant<std::int64_t, double, text>;
    using item = std::pair<const text, value>;
    /// Text of any kind compares, so that looking up allocates nothing.
    struct less {
        using is_transparent = void;
        static std::string_view view(const text& t) { return {t.data(), t.size()}; }
        static std::string_view view(std::string_view t) { return t; }
        template <class A, class B>
        bool operator()(const A& a, const B& b) const {
            return view(a) < view(b);
        }
    };
    using table = boost::interprocess::map<text, value, less, allocator<item>>;

public:
    explicit container_transport(std::size_t capacity)
        : name_("containers"), handles_(capacity, sizeof(segment::handle_t)) {}
    static std::string name() {
        return boost_version() + " Interprocess map of variants, offset through message_queue";
    }

    class producer {
    public:
        explicit producer(const container_transport& t)
            : segment_(boost::interprocess::open_or_create, t.name_.str().c_str(), segment_bytes),
              sender_(t.handles_) {}
        void send(std::int64_t sequence_number) {
            const allocator<char> memory(segment_.get_segment_manager());
            table& packet =
                *segment_.construct<table>(boost::interprocess::anonymous_instance)(less(), memory);
            packet.emplace(text("sequence_number", memory), sequence_number);
            packet.emplace(text("name", memory),
                           text(record::name.data(), record::name.size(), memory));
            packet.emplace(text("value", memory), record::value(sequence_number));
            const segment::handle_t handle = segment_.get_handle_from_address(&packet);
            sender_.send({reinterpret_cast<const char*>(&handle), sizeof handle});
        }

    private:
        segment segment_;
        boost_queue::sender sender_;
    };

    class consumer {
    public:
        explicit consumer(const container_transport& t)
            : segment_(boost::interprocess::open_or_create, t.name_.str().c_str(), segment_bytes),
              receiver_(t.handles_) {}
        std::int64_t receive() {
            segment::handle_t handle = 0;
            std::memcpy(&handle, receiver_.receive().data(), sizeof handle);
            table* const packet = static_cast<table*>(segment_.get_address_from_handle(handle));
            const std::int64_t result = record::checked(
                get<std::int64_t>(*packet, "sequence_number"),
                less::view(get<text>(*packet, "name")), get<double>(*packet, "value"));
            segment_.destroy_ptr(packet);
            return result;
        }

    private:
        template <class T>
        static const T& get(const table& t, std::string_view key) {
            return boost::get<T>(t.find(key)->second);
        }
        segment segment_;
        boost_queue::receiver receiver_;
    };

private:
    static constexpr std::size_t segment_bytes = 64 << 20;

    shm_name name_;
    boost_queue handles_;
};

}  // namespace valpool::bench
