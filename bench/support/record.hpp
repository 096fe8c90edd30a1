#pragma once

/// The packet of W1: three fields, and what they have to be.

#include "support/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace valpool::bench {

struct record {
    static constexpr std::size_t most_bytes = 256;  // as a message, of any format
    static constexpr std::string_view name = "sixteen letters.";
    static_assert(name.size() == 16);

    static double value(std::int64_t sequence_number) {
        return 0.5 * static_cast<double>(sequence_number);
    }

    /// Returns the sequence number.
    static std::int64_t checked(std::int64_t sequence_number, std::string_view its_name,
                                double its_value) {
        expect_content(its_name == name && its_value == value(sequence_number), sequence_number);
        return sequence_number;
    }

    /// A Val or a JSON object.
    template <class Table>
    static void build(Table& data, std::int64_t sequence_number) {
        data["sequence_number"] = sequence_number;
        data["name"] = name;
        data["value"] = value(sequence_number);
    }
    /// A writer of a format: see message_pack.
    template <class Writer>
    static void write(Writer& w, std::int64_t sequence_number) {
        w.map(3);
        w.integer("sequence_number", sequence_number);
        w.text("name", name);
        w.real("value", value(sequence_number));
        w.end_map();
    }
    /// `Values` says how to look into a table: pooled_values, json_values, message_pack, ...
    template <class Values, class Table>
    static std::int64_t check(const Table& data) {
        return checked(Values::integer(Values::at(data, "sequence_number")),
                       Values::text(Values::at(data, "name")),
                       Values::real(Values::at(data, "value")));
    }

    /// Of a packet that is a copy of packet 0, all that differs.
    template <class Table>
    static void change_model(Table& data, std::int64_t sequence_number) {
        data["sequence_number"] = sequence_number;
        data["value"] = value(sequence_number);
    }
    template <class Values, class Table>
    static std::int64_t check_model(const Table& data) {
        return check<Values>(data);
    }
};

/// The same as a struct, for transports that take nothing else.
struct fixed_record {
    std::int64_t sequence_number;
    char name[record::name.size()];
    double value;

    void build(std::int64_t number) noexcept {
        sequence_number = number;
        std::memcpy(name, record::name.data(), sizeof name);
        value = record::value(number);
    }
    std::int64_t check() const {
        return record::checked(sequence_number, {name, sizeof name}, value);
    }
};

}  // namespace valpool::bench
