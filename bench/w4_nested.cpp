/// W4: a table of 100 keys in five levels, with numbers, texts and lists, is built, passed, looked
/// up completely and freed; packets/s, beside the same as JSON text.

#include "peers/json_transport.hpp"
#include "support/stream.hpp"
#include "support/valpool_transport.hpp"

#ifdef VALPOOL_BENCH_PEERS
#include "peers/zeromq_channel.hpp"
#endif

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace valpool;
using namespace valpool::bench;

namespace {

constexpr int levels = 5;
constexpr int integers = 8;
constexpr int reals = 5;
constexpr int texts = 4;
constexpr int lists = 2;
constexpr int list_length = 8;
constexpr const char* below = "below";  // the next level; in the last one, the sequence number
static_assert(levels * (integers + reals + texts + lists + 1) == 100);

/// "integer_0", "integer_1", ...
std::vector<std::string> keys(const std::string& what, int count) {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i) all.push_back(what + std::to_string(i));
    return all;
}
const std::vector<std::string> integer_keys = keys("integer_", integers);
const std::vector<std::string> real_keys = keys("real_", reals);
const std::vector<std::string> text_keys = keys("a_text_", texts);
const std::vector<std::string> list_keys = keys("numbers_", lists);

// What differs between the two kinds of tables.

struct pooled_tree {
    static Val& add_table(Val& t, const char* key) { return t[key] = Tab(); }
    static void add_list(Val& t, std::string_view key, std::int64_t first) {
        Val& list = t[key] = Arr();
        for (int i = 0; i < list_length; ++i) list.append(first + i);
    }
    static const Val& at(const Val& t, std::string_view key) { return t[key]; }
    static std::int64_t integer(const Val& v) { return v; }
    static double real(const Val& v) { return v; }
    static std::string_view text(const Val& v) { return v.text(); }
    static const Arr& list(const Val& v) { return v; }
};

struct json_tree {
    static boost::json::object& add_table(boost::json::object& t, const char* key) {
        return t[key].emplace_object();
    }
    static void add_list(boost::json::object& t, std::string_view key, std::int64_t first) {
        boost::json::array& list = t[key].emplace_array();
        for (int i = 0; i < list_length; ++i) list.emplace_back(first + i);
    }
    static const boost::json::value& at(const boost::json::object& t, std::string_view key) {
        return t.at(key);
    }
    static const boost::json::value& at(const boost::json::value& t, std::string_view key) {
        return t.as_object().at(key);
    }
    static std::int64_t integer(const boost::json::value& v) { return v.as_int64(); }
    static double real(const boost::json::value& v) { return v.to_number<double>(); }
    static std::string_view text(const boost::json::value& v) { return v.as_string(); }
    static const boost::json::array& list(const boost::json::value& v) { return v.as_array(); }
};

constexpr std::string_view short_text = "a short text";
constexpr std::string_view long_text = "a text that is too long to lie in the value itself";

template <class Tree, class Table>
void add_level(Table& t, std::int64_t n) {
    for (const std::string& key : integer_keys) t[key] = n++;
    for (const std::string& key : real_keys) t[key] = 0.5 * static_cast<double>(n++);
    for (const std::string& key : text_keys) t[key] = n++ % 2 == 0 ? short_text : long_text;
    for (const std::string& key : list_keys) Tree::add_list(t, key, n++);
}

/// Returns whether all that add_level added is there.
template <class Tree, class Table>
bool has_level(const Table& t, std::int64_t n) {
    bool is_right = true;
    for (const std::string& key : integer_keys) is_right &= Tree::integer(Tree::at(t, key)) == n++;
    for (const std::string& key : real_keys)
        is_right &= Tree::real(Tree::at(t, key)) == 0.5 * static_cast<double>(n++);
    for (const std::string& key : text_keys)
        is_right &= Tree::text(Tree::at(t, key)) == (n++ % 2 == 0 ? short_text : long_text);
    for (const std::string& key : list_keys) {
        std::int64_t expected = n++;
        for (const auto& item : Tree::list(Tree::at(t, key)))
            is_right &= Tree::integer(item) == expected++;
    }
    return is_right;
}

template <class Tree, class Table>
void build_tree(Table& root, std::int64_t sequence_number) {
    Table* level = &root;
    for (int depth = 0;; ++depth) {
        add_level<Tree>(*level, sequence_number + depth);
        if (depth == levels - 1) break;
        level = &Tree::add_table(*level, below);
    }
    (*level)[below] = sequence_number;
}

template <class Tree, class Table>
std::int64_t check_tree(const Table& root) {
    const auto* level = &Tree::at(root, below);
    for (int depth = 2; depth < levels; ++depth) level = &Tree::at(*level, below);
    const std::int64_t sequence_number = Tree::integer(Tree::at(*level, below));
    bool is_right = has_level<Tree>(root, sequence_number);
    level = &Tree::at(root, below);
    for (int depth = 1; depth < levels; ++depth) {
        is_right &= has_level<Tree>(*level, sequence_number + depth);
        level = &Tree::at(*level, below);
    }
    expect_content(is_right, sequence_number);
    return sequence_number;
}

/// The packet.
struct nested {
    static void build(Val& root, std::int64_t sequence_number) {
        build_tree<pooled_tree>(root, sequence_number);
    }
    static void build(boost::json::object& root, std::int64_t sequence_number) {
        build_tree<json_tree>(root, sequence_number);
    }
    static std::int64_t check(const Val& root) { return check_tree<pooled_tree>(root); }
    static std::int64_t check(const boost::json::object& root) {
        return check_tree<json_tree>(root);
    }
};

constexpr int capacity = 64;
const std::string variant = "capacity 64";

template <class Channel>
void add_peer(contest& c, const std::string& channel_id) {
    add_json<Channel, nested>(c, channel_id, variant, static_cast<std::size_t>(capacity));
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    contest c("W4");
    c.add(valpool_contestant("valpool_move", "handed over"), variant, [](const options& how) {
        return packets_per_second(valpool_transport<nested, giving::moved>(capacity), how);
    });
    add_peer<boost_queue>(c, "message_queue");
    add_peer<stream_socket>(c, "stream_socket");
    add_peer<seqpacket_socket>(c, "seqpacket_socket");
#ifdef VALPOOL_BENCH_PEERS
    add_peer<zeromq_channel>(c, "zeromq");
#else
    c.add_missing({kind::peer, "json_zeromq", "JSON over ZeroMQ"},
                  "built without VALPOOL_BUILD_BENCH_PEERS");
#endif
    return c.run(o);
}
