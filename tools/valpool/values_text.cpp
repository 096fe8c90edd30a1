#include "values_text.hpp"

#include "command_set.hpp"

#include <valpool/array.hpp>
#include <valpool/json.hpp>
#include <valpool/print.hpp>
#include <valpool/tab.hpp>
#include <valpool/tup.hpp>

#include <boost/beast/core/detail/base64.hpp>

#include <cctype>
#include <charconv>
#include <stdexcept>

namespace tool {

using namespace valpool;

namespace {

constexpr char base64_key[] = "$base64";
constexpr int most_levels = 500;  // of what has text that is not UTF-8

namespace base64 = boost::beast::detail::base64;

std::string encoded(std::string_view bytes) {
    std::string text(base64::encoded_size(bytes.size()), '\0');
    text.resize(base64::encode(text.data(), bytes.data(), bytes.size()));
    return text;
}

/// The bytes, if the text is base64 as `encoded` writes it.
bool decode(std::string_view text, std::string& bytes) {
    bytes.assign(base64::decoded_size(text.size()), '\0');
    const auto [written, read] = base64::decode(bytes.data(), text.data(), text.size());
    static_cast<void>(read);  // it stops before the padding
    bytes.resize(written);
    return encoded(bytes) == text;
}

bool is_json_text(std::string_view text) {
    try {
        static_cast<void>(to_json(Val(text)));
        return true;
    } catch (const std::logic_error&) {
        return false;
    }
}

Val for_json(const Val& v, int levels);

template <class Table>
Val table_for_json(const Table& t, int levels) {
    OTab copy;
    for (const auto& [key, value] : t) copy[key] = for_json(value, levels);
    return Val(copy);
}

template <class List>
Val list_for_json(const List& list, int levels) {
    Arr copy;
    for (const auto& item : list) {
        if constexpr (std::is_same_v<std::decay_t<decltype(item)>, Val>)
            copy.append(for_json(item, levels));
        else
            copy.append(for_json(Val(std::string(item)), levels));
    }
    return Val(copy);
}

/// A copy with other objects in place of text that JSON does not know.
Val for_json(const Val& v, int levels) {
    if (levels == most_levels)
        throw std::logic_error("JSON: text that is not UTF-8 lies too deep in this packet");
    if (v.tag == 'a' && !is_json_text(v.text())) {
        Tab t;
        t[base64_key] = encoded(v.text());
        return Val(t);
    }
    if (v.tag == 't')
        return table_for_json(static_cast<const Tab&>(static_cast<Tab&>(v)), levels + 1);
    if (v.tag == 'o')
        return table_for_json(static_cast<const OTab&>(static_cast<OTab&>(v)), levels + 1);
    if (v.tag == 'u') return list_for_json(static_cast<Tup&>(v), levels + 1);
    if (v.tag == 'n' && v.subtype == 'Z') return list_for_json(static_cast<Arr&>(v), levels + 1);
    if (v.tag == 'n' && v.subtype == 'a')
        return list_for_json(static_cast<Array<std::string>&>(v), levels + 1);
    return v;
}

/// The bytes that an object stands for; false when it is an ordinary one.
bool bytes_of(const Val& v, std::string& bytes) {
    if (v.tag != 't' || v.length() != 1) return false;
    const Val* const text = static_cast<Tab&>(v).findValue(base64_key);
    return text && text->tag == 'a' && decode(text->text(), bytes);
}

/// Puts text in the place of the objects that stand for it. What is read from JSON is not deeper
/// than its limits allow.
void restore_bytes(Val& v) {
    std::vector<Val*> work{&v};
    while (!work.empty()) {
        Val& at = *work.back();
        work.pop_back();
        std::string bytes;
        if (bytes_of(at, bytes)) {
            at = bytes;
        } else if (at.tag == 't') {
            for (auto& [key, value] : static_cast<Tab&>(at)) work.push_back(&value);
        } else if (at.tag == 'n' && at.subtype == 'Z') {
            for (Val& item : static_cast<Arr&>(at)) work.push_back(&item);
        }
    }
}

}  // namespace

std::string json_line(const Val& packet) {
    try {
        return to_json(packet);
    } catch (const std::logic_error&) {
        return to_json(for_json(packet, 0));
    }
}

Val packet_of_json(std::string_view line) {
    Val packet = from_json(line);
    if (line.find(base64_key) != std::string_view::npos) restore_bytes(packet);
    return packet;
}

std::string shown_packet(const Val& packet, bool is_pretty, std::size_t most_elements) {
    return to_text(packet, {is_pretty, true, most_elements});
}

// --- parts -------------------------------------------------------------------------------------

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw usage_error("'" + text +
                      "' is no path to a field; paths are like a.b[3] or a[\"any key\"].c");
}

/// The end of the step that begins at `from`, behind its first character.
std::size_t end_of_name(const std::string& text, std::size_t from) {
    const std::size_t end = text.find_first_of(".[", from);
    return end == std::string::npos ? text.size() : end;
}

Val step_in_brackets(const std::string& text, const std::string& inside) {
    if (inside.size() >= 2 && inside.front() == '"' && inside.back() == '"')
        return Val(inside.substr(1, inside.size() - 2));
    long long index = 0;
    const char* const end = inside.data() + inside.size();
    const auto result = std::from_chars(inside.data(), end, index);
    if (result.ec != std::errc() || result.ptr != end) reject(text);
    return Val(static_cast<std::int64_t>(index));
}

std::size_t end_of_brackets(const std::string& text, std::size_t from) {
    const bool is_quoted = from + 1 < text.size() && text[from + 1] == '"';
    const std::size_t end = is_quoted ? text.find("\"]", from + 2) : text.find(']', from);
    if (end == std::string::npos) reject(text);
    return is_quoted ? end + 1 : end;
}

/// The next step; null for a missing one.
const Val* step_into(const Val& at, const Val& step) try {
    if (at.tag == 'n' && at.subtype != 'Z') return nullptr;
    return &at(step);
} catch (const std::out_of_range&) {
    return nullptr;
} catch (const std::logic_error&) {
    return nullptr;
}

}  // namespace

field_path::field_path(const std::string& text) {
    if (text.empty()) reject(text);
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == '[') {
            const std::size_t end = end_of_brackets(text, i);
            steps_.push_back(step_in_brackets(text, text.substr(i + 1, end - i - 1)));
            i = end + 1;
            continue;
        }
        if (text[i] == '.' && i != 0) ++i;
        const std::size_t end = end_of_name(text, i);
        if (end == i) reject(text);
        steps_.emplace_back(text.substr(i, end - i));
        i = end;
    }
}

const Val* field_path::find(const Val& packet) const {
    const Val* at = &packet;
    for (const Val& step : steps_) {
        at = step_into(*at, step);
        if (!at) return nullptr;
    }
    return at;
}

}  // namespace tool
