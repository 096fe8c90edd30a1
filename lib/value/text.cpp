#include <valpool/value/val.hpp>

#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>

/// Texts: where they lie, and their assignment.

namespace valpool {

using namespace detail;

Val& Val::assign_words(std::uint64_t head, std::uint64_t second, std::uint64_t third) {
    const mutation guard(alloc_.region());
    if (owns_something()) clear();
    set_short(short_text(head, second, third));
    return *this;
}

/// What it calls comes last, so that it saves no registers.
Val& Val::assign_text(std::string_view text) {
    if (!is_written_at_once()) return assign_any_text(text);
    if (text.size() > inline_text) {
        set_long('a', text);
        return *this;
    }
    set_short(short_text(text));
    return *this;
}

[[gnu::noinline]] Val& Val::assign_any_text(std::string_view text) {
    // The text may be a part of what clear() destroys, so it is copied first.
    if (text.size() <= inline_text) return assign_short(short_text(text));
    const mutation guard(alloc_.region());
    if (!owns_something()) {
        set_long('a', text);
        return *this;
    }
    Val copy(text, alloc_);
    clear();
    take_from(copy);
    return *this;
}

void Val::set_bytes(char new_tag, std::string_view text) {
    if (text.size() <= inline_text) {
        short_text bytes(text);
        bytes.head = (bytes.head & ~std::uint64_t{0xff}) | static_cast<unsigned char>(new_tag);
        set_short(bytes);
    } else {
        set_long(new_tag, text);
    }
}

namespace {
[[noreturn, gnu::cold, gnu::noinline]] void throw_too_long() {
    throw std::logic_error("a text or number of more than 4 GiB does not fit a Val");
}
}  // namespace

void Val::set_long(char new_tag, std::string_view text) {
    if (text.size() > std::numeric_limits<std::uint32_t>::max()) throw_too_long();
    box* const b = alloc_.region();
    void* const bytes = b ? region_allocate(*b, text.size()) : ::operator new(text.size());
    std::memcpy(bytes, text.data(), text.size());
    if (!bytes) __builtin_unreachable();  // a pointer that is not null takes less to be stored
    const auto size = static_cast<std::uint32_t>(text.size());
    put_in_slot<long_text>(static_cast<char*>(bytes), size, size);
    set_header(new_tag, 'Z', false, place::elsewhere);
}

}  // namespace valpool
