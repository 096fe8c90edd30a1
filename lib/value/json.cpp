#include <valpool/value/json.hpp>
#include <valpool/value/stringize.hpp>

#include "base/utf8.hpp"
#include "value/big_number.hpp"
#include "value/containers.hpp"
#include "value/open_levels.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <vector>

/// Values to JSON. Boost.JSON writes the strings. The nesting is kept on a stack here, which has no
/// depth limit of its own.

namespace valpool {

using namespace detail;
namespace json = boost::json;

namespace {

class writer {
public:
    std::string write(const Val& v) {
        begin(v);
        while (!frames_.empty()) {
            frame& f = frames_.back();
            if (f.next == f.count) {
                text_ += f.close;
                frames_.pop_back();
                open_.leave();
                continue;
            }
            if (f.next != 0) text_ += ',';
            begin(next(f));
        }
        return std::move(text_);
    }

private:
    struct frame {
        const Val* what;
        table::walk<const Val> at;
        value_row row;
        std::size_t count;
        char close;
        std::size_t next = 0;
    };

    const Val& next(frame& f) {
        const std::size_t i = f.next++;
        if (!is_table(f.what->tag)) return f.row.first[i];
        const auto& [key, value] = *f.at;
        write_text(key_text(key));
        text_ += ':';
        ++f.at;
        return value;
    }

    void begin(const Val& v) {
        if (is_table(v.tag)) {
            check_keys(table_of(v));
            open(v, {&v, std::as_const(table_of(v)).begin(), {nullptr, 0}, v.length(), '}'}, '{');
        } else if (is_row(v)) {
            open(v, {&v, {}, row_of(v), v.length(), ']'}, '[');
        } else if (v.tag == 'n') {
            write_array(v);
        } else if (v.tag == 'a') {
            write_text(v.text());
        } else {
            write_scalar(v);
        }
    }

    static std::string key_text(const Val& key) {
        return key.tag == 'a' ? std::string(key.text()) : Stringize(key);
    }

    /// Two keys that differ in the table, such as 1 and '1', can be the same text in JSON.
    static void check_keys(const table& t) {
        const auto is_text = [](const auto& e) { return e.key.tag == 'a'; };
        if (std::all_of(t.begin(), t.end(), is_text)) return;
        std::set<std::string> seen;
        for (const auto& [key, value] : t)
            if (!seen.insert(key_text(key)).second)
                throw std::logic_error("JSON: two keys are both written " +
                                       Stringize(Val(key_text(key))));
    }

    void open(const Val& v, const frame& f, char bracket) {
        if (open_.contains(identity_of(v)))
            throw std::logic_error("JSON: a value that contains itself cannot be written");
        text_ += bracket;
        open_.enter(identity_of(v));
        frames_.push_back(f);
    }

    void write_array(const Val& v) {
        text_ += '[';
        visit_array(v.subtype, value_access::container(v), [this](auto& a) {
            for (std::size_t i = 0; i < a.length(); ++i) {
                if (i != 0) text_ += ',';
                begin(Val(a(i)));
            }
        });
        text_ += ']';
    }

    void write_text(std::string_view text) {
        if (!is_utf8(text))
            throw std::logic_error("JSON: this text is not UTF-8: " +
                                   Stringize(Val(text.substr(0, 40))));
        text_ += json::serialize(json::string_view(text.data(), text.size()));
    }

    void write_scalar(const Val& v) {
        if (v.tag == 'Z') {
            text_ += "null";
        } else if (v.tag == 'b') {
            text_ += static_cast<bool>(v) ? "true" : "false";
        } else if (is_complex_number(v.tag)) {
            const auto c = static_cast<complex_16>(v);
            text_ += '[';
            write_real(c.re);
            text_ += ',';
            write_real(c.im);
            text_ += ']';
        } else if (v.tag == 'd') {
            write_real(static_cast<real_8>(v));
        } else if (v.tag == 'f') {
            if (std::isfinite(static_cast<real_4>(v)))
                text_ += Stringize(v);
            else
                text_ += "null";
        } else if (is_big(v.tag)) {
            text_ += number_of_bytes(value_access::bytes(v)).str();
        } else {
            text_ += Stringize(v);
        }
    }

    void write_real(real_8 r) { text_ += std::isfinite(r) ? Stringize(Val(r)) : "null"; }

    std::string text_;
    std::vector<frame> frames_;
    open_levels<const void*> open_;
};

}  // namespace

std::string to_json(const Val& v) { return writer().write(v); }

}  // namespace valpool
