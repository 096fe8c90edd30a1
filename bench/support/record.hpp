#pragma once

/// The packet of W1: three fields, and what they have to be.

#include "support/stream.hpp"

#include <valpool/valpool.hpp>

#include <boost/json.hpp>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace valpool::bench {

struct record {
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

    static void build(Val& data, std::int64_t sequence_number) {
        data["sequence_number"] = sequence_number;
        data["name"] = name;
        data["value"] = value(sequence_number);
    }
    static std::int64_t check(const Val& data) {
        return checked(data["sequence_number"], data["name"].text(), data["value"]);
    }

    static void build(boost::json::object& data, std::int64_t sequence_number) {
        data["sequence_number"] = sequence_number;
        data["name"] = name;
        data["value"] = value(sequence_number);
    }
    static std::int64_t check(const boost::json::object& data) {
        return checked(data.at("sequence_number").as_int64(), data.at("name").as_string(),
                       data.at("value").to_number<double>());
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
