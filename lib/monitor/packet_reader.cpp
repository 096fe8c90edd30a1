#include "monitor/packet_reader.hpp"

#include "monitor/seen_memory.hpp"
#include "value/big_number.hpp"
#include "value/containers.hpp"

#include <valpool/object/detail/box.hpp>
#include <valpool/object/detail/out_ref.hpp>
#include <valpool/value/detail/pack.hpp>
#include <valpool/value/detail/table_layout.hpp>

#include "object/box_layout.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace valpool::detail {
namespace {

struct too_large : std::exception {};

// How values lie in memory. The value layer's own functions trust what they read; these structs are
// copies of its objects, to be checked. A test reads every type back.

struct value_words {
    char tag;
    char subtype;
    unsigned char is_proxy;
    unsigned char place;  // Val::place: up to 20: so many bytes of text follow; 255: elsewhere
    char content[20];
    std::uint64_t region;

    static constexpr std::uint64_t slot = 8;  // where content other than text begins
    static constexpr unsigned char most_inline = 20;
    static constexpr unsigned char elsewhere = 0xff;
};
static_assert(sizeof(value_words) == sizeof(Val));

struct list_words {
    std::uint64_t region;
    std::uint64_t first;
    std::uint64_t count;
    std::uint64_t capacity;
};
static_assert(sizeof(list_words) == sizeof(Arr) && sizeof(list_words) == sizeof(Tup));

struct table_words {
    std::uint64_t region;
    std::uint64_t first;
    std::uint64_t index;
    std::uint32_t size;
    std::uint32_t capacity;
    std::int64_t to_keys;

    static constexpr std::uint32_t scattered = std::uint32_t{1} << 31;
    std::uint32_t positions() const noexcept { return size & ~scattered; }
};
static_assert(sizeof(table_words) == sizeof(table));

struct index_words {
    std::uint32_t holes;
    std::uint32_t room;
    std::uint32_t smallest;
    std::uint8_t log2_smallest;
    std::uint8_t log2_words;
    std::uint8_t chunks;
    std::uint8_t reserved;

    bool makes_sense() const noexcept {
        return log2_smallest < 26 && smallest == table_index::chunk_unit << log2_smallest &&
               log2_words < 40 && chunks <= table_index::most_chunks(log2_words);
    }
};
static_assert(sizeof(index_words) == sizeof(table_index));

constexpr std::uint32_t most_positions = std::uint32_t{1} << 30;
constexpr std::size_t most_levels = 100000;  // as parse_limits
constexpr unsigned most_key_levels = 64;     // keys in keys; as parse

/// One reading of a packet.
class packet_reader {
public:
    packet_reader(const arena& a, std::size_t budget_bytes) noexcept
        : memory_(a), budget_(budget_bytes) {}

    void read_box(std::uint64_t offset, Val& into) {
        open_box(offset, into);
        finish(0);
    }
    std::uint64_t digest() const noexcept { return memory_.digest(); }
    std::size_t budget() const noexcept { return budget_; }

private:
    /// A container that is being read: the copy, and where its elements come from.
    struct frame {
        Val* copy;
        std::uint64_t box;     // 0: it lies in the box of the frame below
        std::uint64_t values;  // of a list
        std::uint64_t count;
        table_words table;
        std::uint64_t table_offset;
        std::uint64_t next = 0;
    };

    void spend(std::uint64_t bytes) {
        if (bytes > budget_) throw too_large();
        budget_ -= bytes;
    }

    // --- boxes ---------------------------------------------------------------------------------

    void open_box(std::uint64_t offset, Val& into) {
        if (is_open(offset)) {
            into = "...";
            return;
        }
        memory_.check(offset, sizeof(box));
        check_untouched(offset);
        const char tag = memory_.read<char>(offset + offsetof(box, root_tag));
        const char subtype = memory_.read<char>(offset + offsetof(box, root_subtype));
        const std::uint64_t root = offset + sizeof(box);
        if (tag == value_root_tag) return read_value(root, into);
        open_container(tag, subtype, root, into);
        if (!frames_.empty() && frames_.back().copy == &into) frames_.back().box = offset;
    }
    bool is_open(std::uint64_t box_offset) const noexcept {
        return std::any_of(frames_.begin(), frames_.end(),
                           [=](const frame& f) { return f.box == box_offset; });
    }
    /// Not the whole header: its counts change while nobody changes the content.
    void check_untouched(std::uint64_t offset) {
        if (offset % block_granule != 0 || memory_.read<std::uint32_t>(offset) != magic_box ||
            memory_.read<std::uint64_t>(offset + offsetof(box, self)) != offset ||
            memory_.read<std::uint16_t>(offset + offsetof(box, mutator)) != 0 ||
            memory_.read<unsigned char>(offset + offsetof(box, poisoned)) != 0)
            throw unreadable();
    }

    // --- values --------------------------------------------------------------------------------

    /// Reads it, or opens a frame for its elements.
    void read_value(std::uint64_t offset, Val& into) {
        spend(sizeof(Val));
        const auto v = memory_.read<value_words>(offset);
        if (v.is_proxy != 0) return open_box(target_of_proxy(offset), into);
        if (v.tag == 'a') {
            into = text_of(offset, v);
        } else if (is_big(v.tag)) {
            read_big_number(v.tag, text_of(offset, v), into);
        } else if (is_container(v.tag)) {
            if (v.place != value_words::elsewhere) throw unreadable();
            open_container(v.tag, v.subtype, memory_.target(offset + value_words::slot), into);
        } else {
            read_plain(offset, v.tag, into);
        }
    }

    std::uint64_t target_of_proxy(std::uint64_t offset) {
        const std::uint64_t node = memory_.target(offset + value_words::slot);
        if (memory_.read<std::uint64_t>(node + offsetof(out_ref, self)) != node) throw unreadable();
        return memory_.read<std::uint64_t>(node + offsetof(out_ref, target));
    }

    void read_plain(std::uint64_t offset, char tag, Val& into) {
        if (tag == 'Z') return into.reset();
        if (!find_number_type(tag)) throw unreadable();
        visit_number_type(tag, [&](auto type) {
            using number = typename decltype(type)::type;
            into = number_at<number>(offset + value_words::slot);
        });
    }
    template <class T>
    T number_at(std::uint64_t offset) {
        if constexpr (std::is_same_v<T, bool>)
            return memory_.read<unsigned char>(offset) != 0;
        else
            return memory_.read<T>(offset);
    }

    std::string text_of(std::uint64_t offset, const value_words& v) {
        if (v.place <= value_words::most_inline) return std::string(v.content, v.place);
        if (v.place != value_words::elsewhere) throw unreadable();
        const std::uint64_t bytes = memory_.target(offset + value_words::slot);
        const auto size = memory_.read<std::uint32_t>(offset + value_words::slot + 8);
        if (size == 0) return {};
        memory_.check(bytes, size);
        spend(size);
        std::string text(size, '\0');
        memory_.read(bytes, text.data(), size);
        return text;
    }

    static void read_big_number(char tag, const std::string& bytes, Val& into) {
        if (bytes.empty() || (bytes[0] != '-' && bytes[0] != '+')) throw unreadable();
        if (tag == 'Q' && bytes[0] == '-') throw unreadable();
        const cpp_int number = number_of_bytes(bytes);
        const auto give = [&](auto n) {
            big_int_access::assign(n, number);
            into = n;
        };
        if (tag == 'q')
            give(int_n());
        else
            give(int_un());
    }

    // --- containers ----------------------------------------------------------------------------

    void open_container(char tag, char subtype, std::uint64_t object, Val& into) {
        if (frames_.size() >= most_levels) throw too_large();
        switch (tag) {
            case 't': into = Tab(); return open_table(object, into);
            case 'o': into = OTab(); return open_table(object, into);
            case 'u': into = Tup(); return open_list(object, into);
            case 'n': break;
            default: throw unreadable();
        }
        if (subtype == 'Z') {
            into = Arr();
            open_list(object, into);
        } else if (subtype == 'a') {
            read_texts(object, into);
        } else if (find_number_type(subtype)) {
            visit_number_type(subtype, [&](auto type) {
                read_numbers<typename decltype(type)::type>(object, into);
            });
        } else {
            throw unreadable();
        }
    }

    struct elements {
        std::uint64_t first;
        std::uint64_t count;
    };
    elements elements_of(std::uint64_t object, std::size_t element_bytes) {
        const auto list = memory_.read<list_words>(object);
        if (list.count == 0) return {0, 0};
        const std::uint64_t first = memory_.target(object + offsetof(list_words, first));
        if (list.count > list.capacity || list.count > memory_.pool().size_bytes / element_bytes)
            throw unreadable();
        memory_.check(first, list.count * element_bytes);
        spend(list.count * element_bytes);
        return {first, list.count};
    }

    template <class T>
    void read_numbers(std::uint64_t object, Val& into) {
        const elements e = elements_of(object, sizeof(T));
        Array<T> numbers(e.count);
        if constexpr (std::is_same_v<T, bool>) {
            for (std::uint64_t i = 0; i < e.count; ++i)
                numbers.append(number_at<bool>(e.first + i));
        } else if (e.count != 0) {
            numbers.fill(T(), e.count);
            memory_.read(e.first, numbers.data(), e.count * sizeof(T));
        }
        into = numbers;
    }

    void read_texts(std::uint64_t object, Val& into) {
        const elements e = elements_of(object, sizeof(Val));
        Array<std::string> texts(e.count);
        for (std::uint64_t i = 0; i < e.count; ++i) {
            const std::uint64_t at = e.first + i * sizeof(Val);
            const auto v = memory_.read<value_words>(at);
            if (v.is_proxy != 0 || (v.tag != 'a' && v.tag != 'Z')) throw unreadable();
            texts.append(v.tag == 'Z' ? std::string() : text_of(at, v));
        }
        into = texts;
    }

    void open_list(std::uint64_t object, Val& into) {
        const elements e = elements_of(object, sizeof(Val));
        frames_.push_back({&into, 0, e.first, e.count, {}, 0});
    }

    void open_table(std::uint64_t object, Val& into) {
        const auto t = memory_.read<table_words>(object);
        const std::uint32_t count = t.positions();
        if (count > most_positions || t.capacity > most_positions) throw unreadable();
        spend(std::uint64_t{count} * 2 * sizeof(Val));
        frames_.push_back({&into, 0, 0, count, t, object});
    }

    // --- elements ------------------------------------------------------------------------------

    /// Reads on until only so many frames are open.
    void finish(std::size_t open) {
        while (frames_.size() > open) {
            frame& f = frames_.back();
            if (f.next == f.count)
                frames_.pop_back();
            else if (is_table(f.copy->tag))
                read_entry(f.next++);
            else
                read_element(f.next++);
        }
    }

    void read_element(std::uint64_t i) {
        const frame f = frames_.back();
        Arr& items =
            f.copy->tag == 'u' ? static_cast<Tup&>(*f.copy).impl() : static_cast<Arr&>(*f.copy);
        items.append(Val());
        read_value(f.values + i * sizeof(Val), items[items.length() - 1]);
    }

    struct entry_place {
        std::uint64_t key;
        std::uint64_t value;
    };

    void read_entry(std::uint64_t position) {
        const frame f = frames_.back();
        const entry_place at = place_of(f, static_cast<std::uint32_t>(position));
        const auto key_words = memory_.read<value_words>(at.key);
        if (key_words.subtype == '-') return;  // an entry was removed there
        Val key;
        read_key(at.key, key);
        Val& value =
            f.copy->tag == 't' ? static_cast<Tab&>(*f.copy)[key] : static_cast<OTab&>(*f.copy)[key];
        read_value(at.value, value);
    }

    /// A key is read at once. If it is a container, that is by a call of its own.
    void read_key(std::uint64_t offset, Val& key) {
        if (key_levels_ == most_key_levels) throw too_large();
        ++key_levels_;
        const std::size_t open = frames_.size();
        read_value(offset, key);
        finish(open);
        --key_levels_;
    }

    entry_place place_of(const frame& f, std::uint32_t position) {
        const table_words& t = f.table;
        if (position < t.capacity)
            return place_in(f.table_offset + offsetof(table_words, first), position, t.to_keys);
        const std::uint64_t index = memory_.target(f.table_offset + offsetof(table_words, index));
        const auto words = memory_.read<index_words>(index);
        if (!words.makes_sense()) throw unreadable();
        alignas(table_index) unsigned char copy[sizeof words];
        std::memcpy(copy, &words, sizeof words);
        const auto& its = *reinterpret_cast<const table_index*>(copy);
        const table_index::place place = its.place_of(position - t.capacity);
        if (place.chunk >= words.chunks) throw unreadable();
        return place_in(index + sizeof words + place.chunk * sizeof(chunk_pointer), place.at,
                        static_cast<std::int64_t>(key_distance(place.capacity)));
    }
    entry_place place_in(std::uint64_t chunk_pointer_offset, std::uint32_t i,
                         std::int64_t to_keys) {
        const std::uint64_t value = memory_.target(chunk_pointer_offset) + i * sizeof(Val);
        return {value + static_cast<std::uint64_t>(to_keys), value};
    }

    seen_memory memory_;
    std::size_t budget_;
    std::vector<frame> frames_;
    unsigned key_levels_ = 0;
};

}  // namespace

look_result copy_packet(const arena& a, std::uint64_t box_offset, std::size_t& budget_bytes,
                        Val& out) try {
    packet_reader first(a, budget_bytes);
    first.read_box(box_offset, out);
    // What comes before the second reading must be read before it.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    Val again;
    packet_reader second(a, budget_bytes);
    second.read_box(box_offset, again);
    if (first.digest() != second.digest()) return look_result::changing;
    budget_bytes = first.budget();
    return look_result::good;
} catch (const unreadable&) {
    return look_result::changing;
} catch (const too_large&) {
    return look_result::too_large;
} catch (const std::logic_error&) {
    return look_result::changing;  // such as a key that no table takes
}

}  // namespace valpool::detail
