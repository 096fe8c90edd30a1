#pragma once

/// The packet of W4: a table of 100 keys in five levels, with numbers, texts and lists.

#include "support/field_key.hpp"
#include "support/stream.hpp"

#include <valpool/valpool.hpp>

#include <boost/json.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace valpool::bench {

class nested {
    static constexpr int levels = 5;
    static constexpr int integers = 8;
    static constexpr int reals = 5;
    static constexpr int texts = 4;
    static constexpr int lists = 2;
    static constexpr int keys_of_a_level = integers + reals + texts + lists + 1;
    static_assert(levels * keys_of_a_level == 100);
    static constexpr int list_length = 8;
    static constexpr const char* below = "below";  // the next level; the last one's: the number

    static constexpr std::string_view short_text = "a short text";
    static constexpr std::string_view long_text =
        "a text that is too long to lie in the value itself";
    static std::string_view text_for(std::int64_t n) { return n % 2 == 0 ? short_text : long_text; }
    static double real_for(std::int64_t n) { return 0.5 * static_cast<double>(n); }

    /// "integer_0", "integer_1", ...
    static std::vector<field_key> keys(const std::string& what, int count) {
        std::vector<field_key> all;
        for (int i = 0; i < count; ++i) all.emplace_back(what + std::to_string(i));
        return all;
    }
    inline static const std::vector<field_key> integer_keys = keys("integer_", integers);
    inline static const std::vector<field_key> real_keys = keys("real_", reals);
    inline static const std::vector<field_key> text_keys = keys("a_text_", texts);
    inline static const std::vector<field_key> list_keys = keys("numbers_", lists);

    static Val& field(Val& t, const field_key& key) { return t[key.prepared]; }
    static boost::json::value& field(boost::json::object& t, std::string_view key) {
        return t[key];
    }

    static Val& add_table(Val& t, const char* key) { return t[key] = Tab(); }
    static void add_list(Val& t, const field_key& key, std::int64_t first) {
        Val& list = field(t, key) = Arr();
        for (int i = 0; i < list_length; ++i) list.append(first + i);
    }
    static boost::json::object& add_table(boost::json::object& t, const char* key) {
        return t[key].emplace_object();
    }
    static void add_list(boost::json::object& t, std::string_view key, std::int64_t first) {
        boost::json::array& list = field(t, key).emplace_array();
        for (int i = 0; i < list_length; ++i) list.emplace_back(first + i);
    }

    template <class Table>
    static void add_level(Table& t, std::int64_t n) {
        for (const field_key& key : integer_keys) field(t, key) = n++;
        for (const field_key& key : real_keys) field(t, key) = real_for(n++);
        for (const field_key& key : text_keys) field(t, key) = text_for(n++);
        for (const field_key& key : list_keys) add_list(t, key, n++);
    }

    template <class Writer>
    static void write_level(Writer& w, std::int64_t n) {
        for (const field_key& key : integer_keys) w.integer(key, n++);
        for (const field_key& key : real_keys) w.real(key, real_for(n++));
        for (const field_key& key : text_keys) w.text(key, text_for(n++));
        for (const field_key& key : list_keys) {
            std::array<std::int64_t, list_length> list;
            for (int i = 0; i < list_length; ++i) list[static_cast<std::size_t>(i)] = n + i;
            w.integers(key, list);
            ++n;
        }
    }

    /// Whether all that add_level added is there; the first number, by so much more.
    template <class Values, class Table>
    static bool has_level(const Table& t, std::int64_t n, std::int64_t more) {
        bool is_right = true;
        for (const field_key& key : integer_keys) {
            is_right &= Values::integer(Values::at(t, key)) == n++ + more;
            more = 0;
        }
        for (const field_key& key : real_keys)
            is_right &= Values::real(Values::at(t, key)) == real_for(n++);
        for (const field_key& key : text_keys)
            is_right &= Values::text(Values::at(t, key)) == text_for(n++);
        for (const field_key& key : list_keys)
            is_right &= Values::has_integers(Values::at(t, key), n++, list_length);
        return is_right;
    }

    template <class Values, class Table>
    static bool has_levels(const Table& t, std::int64_t n, std::int64_t more = 0, int depth = 1) {
        const bool is_right = has_level<Values>(t, n, more);
        if (depth == levels) return is_right;
        return has_levels<Values>(Values::below(t, below), n + 1, 0, depth + 1) && is_right;
    }

    /// The number, at the very bottom.
    template <class Values, class Table>
    static std::int64_t number_in(const Table& t, int depth = 1) {
        if (depth == levels) return Values::integer(Values::at(t, below));
        return number_in<Values>(Values::below(t, below), depth + 1);
    }

    template <class Values, class Table>
    static std::int64_t checked(const Table& root, std::int64_t more) {
        const std::int64_t number = number_in<Values>(root);
        expect_content(has_levels<Values>(root, number, more), number);
        return number;
    }

public:
    static constexpr std::size_t most_bytes = 8192;  // as a message, of any format

    /// A Val or a JSON object.
    template <class Table>
    static void build(Table& root, std::int64_t sequence_number) {
        Table* level = &root;
        for (int depth = 1;; ++depth) {
            add_level(*level, sequence_number + depth - 1);
            if (depth == levels) break;
            level = &add_table(*level, below);
        }
        (*level)[below] = sequence_number;
    }
    /// A writer of a format: see message_pack.
    template <class Writer>
    static void write(Writer& w, std::int64_t sequence_number) {
        w.map(keys_of_a_level);
        for (int depth = 1;; ++depth) {
            write_level(w, sequence_number + depth - 1);
            if (depth == levels) break;
            w.map(below, keys_of_a_level);
        }
        w.integer(below, sequence_number);
        for (int depth = 0; depth < levels; ++depth) w.end_map();
    }
    /// All hundred. `Values` says how to look into a table: pooled_values, json_values, ...
    template <class Values, class Table>
    static std::int64_t check(const Table& root) {
        return checked<Values>(root, 0);
    }

    /// Of a packet that is a copy of packet 0, all that differs: a field of the root.
    static void change_model(Val& root, std::int64_t sequence_number) {
        field(root, integer_keys.front()) = sequence_number;
    }
    template <class Values, class Table>
    static std::int64_t check_model(const Table& root) {
        const std::int64_t number = Values::integer(Values::at(root, integer_keys.front()));
        expect_content(number_in<Values>(root) == 0 && has_levels<Values>(root, 0, number), number);
        return number;
    }

    /// What the middle of a pipeline changes. Packet n has n there.
    static constexpr const char* changed_key = "integer_0";
    static std::int64_t changed(std::int64_t n) { return n + 1; }

    template <class Values, class Table>
    static std::int64_t check_changed(const Table& root) {
        return checked<Values>(root, 1);
    }
    /// Three of the hundred: in the first level, in the third, and at the bottom.
    template <class Values, class Table>
    static std::int64_t check_three(const Table& root) {
        const std::int64_t number = number_in<Values>(root);
        const auto& second = Values::below(root, below);
        const auto& third = Values::below(second, below);
        const bool is_right =
            Values::real(Values::at(root, real_keys[3])) == real_for(number + integers + 3) &&
            Values::text(Values::at(third, text_keys[1])) ==
                text_for(number + 2 + integers + reals + 1);
        expect_content(is_right, number);
        return number;
    }
};

/// A receiver that looks at three of the hundred.
struct nested_for_three : nested {
    template <class Values, class Table>
    static std::int64_t check(const Table& root) {
        return check_three<Values>(root);
    }
};

/// The last one of a pipeline, whose middle has changed a field.
struct nested_passed_on : nested {
    template <class Values, class Table>
    static std::int64_t check(const Table& root) {
        return check_changed<Values>(root);
    }
};

}  // namespace valpool::bench
