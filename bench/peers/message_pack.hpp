#pragma once

/// Messages as MessagePack, with msgpack-cxx used for speed: packed straight into the memory that
/// the message is sent from, and unpacked with texts left where they are, into a zone that is kept.

#include "support/stream.hpp"

#define MSGPACK_NO_BOOST
#include <msgpack.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace valpool::bench {

struct message_pack {
    static std::string id() { return "msgpack"; }
    static std::string name() {
        return std::string("MessagePack (msgpack-cxx ") + msgpack_version() + ")";
    }

    static constexpr bool is_written_in_place = true;

    /// Writes what its calls say, in their order.
    class writer {
    public:
        /// Begins a message there.
        void begin(char* at, std::size_t most) { memory_ = {at, at, at + most}; }
        std::string_view end() {
            return {memory_.begin, static_cast<std::size_t>(memory_.at - memory_.begin)};
        }
        void map(std::uint32_t entries) { packer_.pack_map(entries); }
        void map(std::string_view name, std::uint32_t entries) {
            key(name);
            map(entries);
        }
        void end_map() {}
        void integer(std::string_view name, std::int64_t value) {
            key(name);
            packer_.pack_int64(value);
        }
        void real(std::string_view name, double value) {
            key(name);
            packer_.pack_double(value);
        }
        void text(std::string_view name, std::string_view value) {
            key(name);
            key(value);
        }
        void integers(std::string_view name, std::span<const std::int64_t> values) {
            key(name);
            packer_.pack_array(static_cast<std::uint32_t>(values.size()));
            for (const std::int64_t value : values) packer_.pack_int64(value);
        }
        void blob(std::string_view name, std::span<const std::byte> bytes) {
            key(name);
            const auto size = static_cast<std::uint32_t>(bytes.size());
            packer_.pack_bin(size);
            packer_.pack_bin_body(reinterpret_cast<const char*>(bytes.data()), size);
        }
        void whole(const msgpack::object& root) { packer_.pack(root); }

    private:
        void key(std::string_view text) {
            const auto size = static_cast<std::uint32_t>(text.size());
            packer_.pack_str(size);
            packer_.pack_str_body(text.data(), size);
        }
        struct memory {
            char* begin = nullptr;
            char* at = nullptr;
            char* end = nullptr;
            void write(const char* bytes, std::size_t size) {
                if (size > static_cast<std::size_t>(end - at))
                    throw std::runtime_error("a message is too long");
                std::memcpy(at, bytes, size);
                at += size;
            }
        };
        memory memory_;
        msgpack::packer<memory> packer_{memory_};
    };

    /// A map's entries are in the order in which they were written, and there is no index: who
    /// reads them in that order finds each at once.
    class table {
    public:
        explicit table(const msgpack::object& map)
            : begin_(map.via.map.ptr), end_(begin_ + map.via.map.size), next_(begin_) {
            if (map.type != msgpack::type::MAP) throw std::runtime_error("no map");
        }
        msgpack::object& at(std::string_view name) const {
            if (msgpack::object* const found = find(name, next_, end_)) return *found;
            if (msgpack::object* const found = find(name, begin_, next_)) return *found;
            throw std::runtime_error("no " + std::string(name));
        }

    private:
        msgpack::object* find(std::string_view name, msgpack::object_kv* from,
                              msgpack::object_kv* to) const {
            for (msgpack::object_kv* entry = from; entry != to; ++entry)
                if (text(entry->key) == name) {
                    next_ = entry + 1;
                    return &entry->val;
                }
            return nullptr;
        }
        msgpack::object_kv* begin_;
        msgpack::object_kv* end_;
        mutable msgpack::object_kv* next_;
    };

    class reader {
    public:
        table open(std::string_view message) { return table(unpack(message)); }
        msgpack::object unpack(std::string_view message) {
            zone_.clear();
            const auto leave_texts = [](msgpack::type::object_type, std::size_t, void*) {
                return true;
            };
            return msgpack::unpack(zone_, message.data(), message.size(), leave_texts);
        }

    private:
        static constexpr std::size_t enough = 1 << 16;  // for a message: one chunk, which is kept
        msgpack::zone zone_{enough};
    };

    static table below(const table& t, std::string_view name) { return table(t.at(name)); }
    static const msgpack::object& at(const table& t, std::string_view name) { return t.at(name); }
    static std::int64_t integer(const msgpack::object& o) {
        if (o.type == msgpack::type::POSITIVE_INTEGER) return static_cast<std::int64_t>(o.via.u64);
        expect(o, msgpack::type::NEGATIVE_INTEGER);
        return o.via.i64;
    }
    static double real(const msgpack::object& o) {
        // The packer writes a whole number as an integer.
        return o.type == msgpack::type::FLOAT64 ? o.via.f64 : static_cast<double>(integer(o));
    }
    static std::string_view text(const msgpack::object& o) {
        expect(o, msgpack::type::STR);
        return {o.via.str.ptr, o.via.str.size};
    }
    static bool has_integers(const msgpack::object& o, std::int64_t first, std::size_t count) {
        if (o.type != msgpack::type::ARRAY || o.via.array.size != count) return false;
        for (std::size_t i = 0; i < count; ++i)
            if (integer(o.via.array.ptr[i]) != first++) return false;
        return true;
    }
    static std::span<const std::byte> blob(const msgpack::object& o) {
        expect(o, msgpack::type::BIN);
        return std::as_bytes(std::span(o.via.bin.ptr, o.via.bin.size));
    }

    /// For a stage between two others: all is unpacked, and packed again.
    class changer {
    public:
        template <class Sender, class Change>
        std::int64_t pass_on(std::string_view message, Sender& output, std::string_view name,
                             Change change) {
            msgpack::object root = reader_.unpack(message);
            msgpack::object& value = table(root).at(name);
            const std::int64_t old = integer(value);
            value = msgpack::object(change(old));
            output.put([&](char* at, std::size_t most) {
                writer_.begin(at, most);
                writer_.whole(root);
                return writer_.end().size();
            });
            return old;
        }

    private:
        reader reader_;
        writer writer_;
    };

private:
    static void expect(const msgpack::object& o, msgpack::type::object_type type) {
        if (o.type != type) throw std::runtime_error("another type");
    }
};

}  // namespace valpool::bench
