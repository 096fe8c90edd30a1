/// That the contestants' checks notice whatever is wrong in a packet: each value of one is spoiled
/// in turn, and the check has to refuse it. JSON stands for all, for they share the checks.

#include "peers/json_transport.hpp"
#include "support/nested.hpp"
#include "support/record.hpp"

#include <boost/json.hpp>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

using namespace valpool::bench;

namespace {

/// Calls `look` for each number and text that is in there, with that one spoiled meanwhile.
template <class Look>
void spoil_each(boost::json::value& v, Look look) {
    if (v.is_object()) {
        for (auto& entry : v.get_object()) spoil_each(entry.value(), look);
    } else if (v.is_array()) {
        for (boost::json::value& item : v.get_array()) spoil_each(item, look);
    } else {
        const boost::json::value kept = v;
        if (v.is_string())
            v = "another text";
        else
            v = v.is_double() ? boost::json::value(v.get_double() + 1)
                              : boost::json::value(v.get_int64() + 1);
        look();
        v = kept;
    }
}

/// How many of the values of packet 7 the check looks at.
template <class Payload>
int noticed_by_check() {
    constexpr std::int64_t number = 7;
    boost::json::value packet(boost::json::object_kind);
    Payload::build(packet.get_object(), number);
    const auto is_taken = [&] {
        try {
            return Payload::template check<json_values>(packet.get_object()) == number;
        } catch (const std::runtime_error&) {
            return false;
        }
    };
    if (!is_taken()) throw std::runtime_error("a right packet was refused");
    int noticed = 0;
    spoil_each(packet, [&] { noticed += is_taken() ? 0 : 1; });
    return noticed;
}

int complaints = 0;
void expect(const char* what, int noticed, int expected) {
    if (noticed == expected) return;
    std::cerr << what << ": " << noticed << " spoiled values are noticed, not " << expected << '\n';
    ++complaints;
}

/// A list that is too short is wrong, too.
bool takes_a_short_list() {
    boost::json::value list = {7, 8};
    return json_values::has_integers(list, 7, 3) || !json_values::has_integers(list, 7, 2);
}

}  // namespace

int main() {
    try {
        expect("a record", noticed_by_check<record>(), 3);
        // In each level eight integers, five reals, four texts, and two lists of eight; and the
        // number.
        expect("a nested packet", noticed_by_check<nested>(), 5 * (8 + 5 + 4 + 2 * 8) + 1);
        expect("three of a nested packet", noticed_by_check<nested_for_three>(), 3);
        expect("a short list", takes_a_short_list() ? 0 : 1, 1);
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return EXIT_FAILURE;
    }
    return complaints == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
