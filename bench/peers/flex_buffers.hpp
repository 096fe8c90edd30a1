#pragma once

/// Messages as FlexBuffers: written by a builder that is kept, and read where they lie, without
/// taking them apart.

#include "support/stream.hpp"

#include <flatbuffers/flexbuffers.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace valpool::bench {

struct flex_buffers {
    static std::string id() { return "flexbuffers"; }
    static std::string name() {
        return "FlexBuffers " + std::to_string(FLATBUFFERS_VERSION_MAJOR) + "." +
               std::to_string(FLATBUFFERS_VERSION_MINOR) + "." +
               std::to_string(FLATBUFFERS_VERSION_REVISION);
    }

    /// The builder writes to memory of its own only.
    static constexpr bool is_written_in_place = false;
    class writer {
    public:
        void begin(char* = nullptr, std::size_t = 0) {
            builder_.Clear();
            depth_ = 0;
        }
        std::string_view end() {
            builder_.Finish();
            const std::vector<std::uint8_t>& bytes = builder_.GetBuffer();
            return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
        }
        void map(std::uint32_t) { starts_.at(depth_++) = builder_.StartMap(); }
        void map(std::string_view name, std::uint32_t entries) {
            key(name);
            map(entries);
        }
        void end_map() { builder_.EndMap(starts_.at(--depth_)); }
        void integer(std::string_view name, std::int64_t value) {
            key(name);
            builder_.Int(value);
        }
        void real(std::string_view name, double value) {
            key(name);
            builder_.Double(value);
        }
        void text(std::string_view name, std::string_view value) {
            key(name);
            builder_.String(value.data(), value.size());
        }
        void integers(std::string_view name, std::span<const std::int64_t> values) {
            key(name);
            builder_.Vector(values.data(), values.size());
        }
        void blob(std::string_view name, std::span<const std::byte> bytes) {
            key(name);
            builder_.Blob(bytes.data(), bytes.size());
        }

    private:
        void key(std::string_view name) { builder_.Key(name.data(), name.size()); }

        // Without flags: with shared keys, the builder's default, W4's messages are a quarter
        // shorter, and building them takes half as long again.
        flexbuffers::Builder builder_{1 << 14, flexbuffers::BUILDER_FLAG_NONE};
        std::array<std::size_t, 8> starts_{};
        std::size_t depth_ = 0;
    };

    using table = flexbuffers::Map;

    class reader {
    public:
        table open(std::string_view message) { return root(message).AsMap(); }
    };

    // Names end with a null character, as the library wants them.
    static table below(const table& t, std::string_view name) { return at(t, name).AsMap(); }
    static flexbuffers::Reference at(const table& t, std::string_view name) {
        return t[name.data()];
    }
    static std::int64_t integer(const flexbuffers::Reference& r) {
        expect(r.IsInt());
        return r.AsInt64();
    }
    static double real(const flexbuffers::Reference& r) {
        expect(r.IsFloat());
        return r.AsDouble();
    }
    static std::string_view text(const flexbuffers::Reference& r) {
        expect(r.IsString());
        const flexbuffers::String s = r.AsString();
        return {s.c_str(), s.length()};
    }
    static bool has_integers(const flexbuffers::Reference& r, std::int64_t first,
                             std::size_t count) {
        const flexbuffers::TypedVector all = r.AsTypedVector();
        if (all.size() != count) return false;
        for (std::size_t i = 0; i < count; ++i)
            if (all[i].AsInt64() != first++) return false;
        return true;
    }
    static std::span<const std::byte> blob(const flexbuffers::Reference& r) {
        expect(r.IsBlob());
        const flexbuffers::Blob b = r.AsBlob();
        return std::as_bytes(std::span(b.data(), b.size()));
    }

    /// For a stage between two others: a number that is no wider than the old one can be changed
    /// where it lies; so the bytes are copied and nothing is taken apart.
    class changer {
    public:
        template <class Sender, class Change>
        std::int64_t pass_on(std::string_view message, Sender& output, std::string_view name,
                             Change change) {
            std::int64_t old = 0;
            output.put([&](char* at, std::size_t) {
                std::memcpy(at, message.data(), message.size());
                flexbuffers::Reference value =
                    flex_buffers::at(root({at, message.size()}).AsMap(), name);
                old = integer(value);
                if (!value.MutateInt(change(old)))
                    throw std::runtime_error("the new number is wider");
                return message.size();
            });
            return old;
        }
    };

private:
    static flexbuffers::Reference root(std::string_view message) {
        return flexbuffers::GetRoot(reinterpret_cast<const std::uint8_t*>(message.data()),
                                    message.size());
    }
    static void expect(bool is_so) {
        if (!is_so) throw std::runtime_error("another type");
    }
};

}  // namespace valpool::bench
