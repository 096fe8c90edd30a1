#pragma once

#include "base/utf8.hpp"
#include "value/cbor_form.hpp"

#include <valpool/value/parse.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace valpool::detail::cbor {

/// The bytes end before the item does.
struct incomplete : std::logic_error {
    using std::logic_error::logic_error;
};

/// The first byte of an item, and its argument.
struct head {
    kind what;
    unsigned low;            // the lower bits of the first byte
    std::uint64_t argument;  // 0 for what is indefinite
    std::size_t place;       // of the first byte

    bool is_indefinite() const noexcept { return low == indefinite; }
    bool is_break() const noexcept { return what == kind::simple && low == indefinite; }
};

/// Takes heads and strings from the bytes of an item. What these claim is compared with what is
/// there before anything is taken for it.
class scanner {
public:
    scanner(std::string_view bytes, const parse_limits& limits) noexcept
        : bytes_(bytes), limits_(limits) {}

    std::size_t position() const noexcept { return position_; }
    std::size_t left() const noexcept { return bytes_.size() - position_; }

    head next_head() {
        const std::size_t place = position_;
        expect(1, place);
        const auto first = static_cast<unsigned char>(bytes_[position_++]);
        head h{static_cast<kind>(first >> 5), first & 31U, first & 31U, place};
        if (h.low > in_eight_bytes && h.low != indefinite)
            fail(place, "an item that begins with this byte has no meaning");
        if (h.is_indefinite())
            check_can_be_indefinite(h);
        else if (h.low >= in_one_byte)
            h.argument = number(1U << (h.low - in_one_byte), place);
        return h;
    }

    /// A string's bytes; `joined` gets them when they are in pieces.
    std::string_view string(const head& h, std::string& joined) {
        if (!h.is_indefinite()) return piece_of(h);
        joined.clear();
        for (;;) {
            const head piece = next_head();
            if (piece.is_break()) return joined;
            if (piece.what != h.what || piece.is_indefinite())
                fail(piece.place, "the pieces of a string must be strings of its kind");
            joined += piece_of(piece);
        }
    }

    /// Throws unless so many further bytes are there. `place`: that of the item that needs them.
    void expect(std::uint64_t count, std::size_t place) const {
        if (count <= left()) return;
        if (count > limits_.size_bytes - position_)
            fail(place, "this item has more than the " + std::to_string(limits_.size_bytes) +
                            " bytes that are allowed");
        throw incomplete(message(place, "this item is not complete: it has at least " +
                                            std::to_string(count) + " bytes more, of which " +
                                            std::to_string(left()) + " are there"));
    }

    [[noreturn]] static void fail(std::size_t place, const std::string& what) {
        throw std::logic_error(message(place, what));
    }

private:
    static std::string message(std::size_t place, const std::string& what) {
        return "CBOR, byte " + std::to_string(place) + ": " + what;
    }

    static void check_can_be_indefinite(head& h) {
        if (h.what == kind::unsigned_integer || h.what == kind::negative_integer ||
            h.what == kind::tag)
            fail(h.place, "an item that begins with this byte has no meaning");
        h.argument = 0;
    }

    std::string_view take(std::uint64_t count, std::size_t place) {
        expect(count, place);
        const std::string_view taken = bytes_.substr(position_, static_cast<std::size_t>(count));
        position_ += taken.size();
        return taken;
    }

    std::string_view piece_of(const head& h) {
        const std::string_view piece = take(h.argument, h.place);
        if (h.what == kind::text && !is_utf8(piece)) fail(h.place, "this text is not UTF-8");
        return piece;
    }

    std::uint64_t number(std::size_t size, std::size_t place) {
        std::uint64_t result = 0;
        for (const char byte : take(size, place))
            result = result << 8 | static_cast<unsigned char>(byte);
        return result;
    }

    std::string_view bytes_;
    const parse_limits& limits_;
    std::size_t position_ = 0;
};

}  // namespace valpool::detail::cbor
