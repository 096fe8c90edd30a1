#include <valpool/value/big_int.hpp>
#include <valpool/value/cbor.hpp>

#include "value/cbor_number.hpp"
#include "value/cbor_scanner.hpp"
#include "value/containers.hpp"
#include "value/key_collisions.hpp"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <utility>

/// Values from CBOR. As in json_read.cpp the open containers are on a stack here.

namespace valpool {

using namespace detail;
using namespace detail::cbor;

namespace {

/// What the tags in front of an item ask for.
struct meaning {
    static constexpr std::uint64_t none = ~std::uint64_t{0};
    std::uint64_t tag = none;
    bool complex = false;   // tag_complexes stood in front of `tag`
    std::size_t place = 0;  // of the tag
    bool has_any = false;   // also one without a meaning

    bool is_typed_array() const noexcept { return tag != none && cbor::is_typed_array(tag); }
};

constexpr bool has_meaning(std::uint64_t tag) noexcept {
    switch (tag) {
        case tag_big:
        case tag_negative_big:
        case tag_homogeneous:
        case tag_complex:
        case tag_complexes:
        case tag_ordered:
        case tag_tuple:
        case tag_bool_array:
        case tag_text_array: return true;
        default: return is_typed_array(tag);
    }
}

/// The array of bool or of text that a list is; the list itself if it is neither.
Val homogeneous(Val list, std::uint64_t tag, std::size_t place) {
    Arr& items = static_cast<Arr&>(list);
    const auto all_are = [&items](char t) {
        return std::all_of(items.begin(), items.end(), [t](const Val& v) { return v.tag == t; });
    };
    const bool is_empty = items.isEmpty();
    if (tag == tag_bool_array || (tag == tag_homogeneous && !is_empty && all_are('b'))) {
        if (!all_are('b')) scanner::fail(place, "an array of bool must have nothing else");
        Array<bool> flags(items.length());
        for (const Val& v : items) flags.append(static_cast<bool>(v));
        return flags;
    }
    if (tag == tag_text_array || (!is_empty && all_are('a'))) {
        if (!all_are('a')) scanner::fail(place, "an array of text must have nothing else");
        Array<std::string> texts(items.length());
        for (const Val& v : items) texts.append(v.text());
        return texts;
    }
    return list;
}

class reader {
public:
    reader(std::string_view bytes, const parse_limits& limits) noexcept
        : s_(bytes, limits), limits_(limits) {}

    Val read() {
        Val item;
        while (!begin(item) || !has_ended(item)) {
        }
        return item;
    }
    std::size_t position() const noexcept { return s_.position(); }

private:
    struct level {
        Val container;
        Val key;             // of a map, if it has one
        std::uint64_t left;  // values, or keys and values, that are still to come
        meaning what;
        bool is_map;
        bool has_key;
        bool is_indefinite;
        std::size_t keys;  // how many keys this is inside of
        key_collisions collisions{};
    };

    /// Tables find keys by comparing them, which recurses into the tables in a key.
    static constexpr std::size_t most_key_levels = 64;

    /// Reads a head, and makes the item if that can be made at once. False when a container was
    /// opened, whose items come next.
    bool begin(Val& item) {
        const auto [what, h] = next_item();
        if (h.is_break()) {
            end_of_indefinite(what, h.place);
            item = close();
            return true;
        }
        if (!open_.empty() && !open_.back().is_indefinite) --promised_;
        if (h.what == kind::bytes || h.what == kind::text) {
            item = string(what, h);
            return true;
        }
        if (h.what == kind::list || h.what == kind::map) {
            open(what, h);
            if (h.is_indefinite() || h.argument != 0) return false;
            item = close();
            return true;
        }
        if (what.tag != meaning::none) wrong_content(what);
        item = number_of(h);
        return true;
    }

    std::pair<meaning, head> next_item() {
        meaning what;
        for (;;) {
            const head h = s_.next_head();
            if (h.what != kind::tag) return {what, h};
            what.has_any = true;
            if (!has_meaning(h.argument)) continue;
            const bool complex = what.tag == tag_complexes && is_typed_array(h.argument);
            if (what.tag != meaning::none && !complex) wrong_content(what);
            if (!complex) what.place = h.place;
            what.tag = h.argument;
            what.complex = complex;
        }
    }

    [[noreturn]] static void wrong_content(const meaning& what) {
        scanner::fail(what.place, "the tag " + std::to_string(what.tag) +
                                      " cannot stand in front of such an item");
    }

    Val string(const meaning& what, const head& h) {
        const std::string_view bytes = s_.string(h, joined_);
        if (h.what == kind::text) {
            if (what.tag != meaning::none) wrong_content(what);
            return bytes;
        }
        if (what.tag == meaning::none) return bytes;
        if (what.is_typed_array()) return array_of(what.tag, bytes, what.complex, what.place);
        if (what.tag != tag_big && what.tag != tag_negative_big) wrong_content(what);
        return big_number_of(bytes, what.tag == tag_negative_big);
    }

    void open(const meaning& what, const head& h) {
        const bool is_map = h.what == kind::map;
        const bool fits = is_map ? what.tag == tag_ordered : has_list(what.tag);
        if (what.tag != meaning::none && !fits) wrong_content(what);
        if (open_.size() >= limits_.depth)
            scanner::fail(h.place, "more than " + std::to_string(limits_.depth) + " levels");
        const std::size_t keys = keys_around();
        if (keys > most_key_levels)
            scanner::fail(h.place, "keys inside of keys, more than " +
                                       std::to_string(most_key_levels) + " levels");
        const std::uint64_t items = expect_items(h, is_map ? 2 : 1);
        open_.push_back(
            {container(what, h), Val(), items, what, is_map, false, h.is_indefinite(), keys});
        promised_ += items;
    }

    /// How many keys the next item is inside of.
    std::size_t keys_around() const noexcept {
        if (open_.empty()) return 0;
        const level& l = open_.back();
        return l.keys + (l.is_map && !l.has_key ? 1 : 0);
    }

    static bool has_list(std::uint64_t tag) noexcept {
        return tag == tag_homogeneous || tag == tag_complex || tag == tag_tuple ||
               tag == tag_bool_array || tag == tag_text_array;
    }

    /// Each item has at least one byte, and so have those that the containers around it promise. So
    /// what is reserved for all of them together is in proportion to the bytes that are there.
    std::uint64_t expect_items(const head& h, std::uint64_t each) const {
        constexpr std::uint64_t most = ~std::uint64_t{0} >> 2;
        s_.expect(std::min(h.argument, most) * each + promised_, h.place);
        return h.argument * each;
    }

    static Val container(const meaning& what, const head& h) {
        const auto count = static_cast<std::size_t>(h.argument);
        if (h.what == kind::map) {
            Val v = what.tag == tag_ordered ? Val(OTab()) : Val(Tab());
            if (count != 0) table_of(v).reserve(count);
            return v;
        }
        Val v = what.tag == tag_tuple ? Val(Tup()) : Val(Arr());
        if (count != 0) list_of(v).resize(count);
        return v;
    }
    static Arr& list_of(Val& v) {
        return v.tag == 'u' ? static_cast<Tup&>(v).impl() : static_cast<Arr&>(v);
    }

    void end_of_indefinite(const meaning& what, std::size_t place) const {
        if (open_.empty() || !open_.back().is_indefinite)
            scanner::fail(place, "a break that ends nothing");
        if (open_.back().has_key) scanner::fail(place, "a key without a value");
        if (what.has_any) scanner::fail(place, "a tag in front of a break");
    }

    Val close() {
        Val done = std::move(open_.back().container);
        const meaning what = open_.back().what;
        open_.pop_back();
        if (what.tag == tag_complex) return complex_of(static_cast<Arr&>(done), what.place);
        if (what.tag == tag_homogeneous || what.tag == tag_bool_array || what.tag == tag_text_array)
            return homogeneous(std::move(done), what.tag, what.place);
        return done;
    }

    /// Adds the item to the open container, and closes the containers that end after it. True when
    /// the outermost one is closed: then `item` is that.
    bool has_ended(Val& item) {
        while (!open_.empty()) {
            level& l = open_.back();
            add(l, item);
            if (l.is_indefinite || --l.left != 0) return false;
            item = close();
        }
        return true;
    }

    void add(level& l, Val& item) {
        if (!l.is_map) {
            list_of(l.container).append(std::move(item));
        } else if (!l.has_key) {
            l.key = std::move(item);
            l.has_key = true;
        } else {
            table& keys = table_of(l.container);
            l.collisions.expect(keys, l.key);
            keys.swapInto(l.key, item);
            if (!l.collisions.accepts(keys)) scanner::fail(s_.position(), key_collisions::refusal);
            l.has_key = false;
        }
    }

    scanner s_;
    const parse_limits& limits_;
    std::deque<level> open_;      // a std::vector would copy the values as it grows
    std::uint64_t promised_ = 0;  // items to come, of all open containers that say how many
    std::string joined_;
};

}  // namespace

std::size_t read_cbor(std::string_view bytes, Val& v, const parse_limits& limits) {
    reader r(bytes.substr(0, limits.size_bytes), limits);
    try {
        Val read = r.read();
        v = std::move(read);
        return r.position();
    } catch (const incomplete&) {
        return 0;
    }
}

Val from_cbor(std::string_view bytes, const parse_limits& limits) {
    if (bytes.size() > limits.size_bytes)
        throw std::logic_error("CBOR: " + std::to_string(bytes.size()) + " bytes; at most " +
                               std::to_string(limits.size_bytes) + " are allowed");
    reader r(bytes, limits);
    Val v = r.read();
    if (r.position() != bytes.size()) scanner::fail(r.position(), "something follows the value");
    return v;
}

}  // namespace valpool
