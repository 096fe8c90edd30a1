#pragma once

/// Values as bytes, for this library's own Deserialize only: the original has a different format.

#include <valpool/compat/occonvert.h>

#include <cstdint>

/// The default of `compat`: whether the functions here turn OTabs, tuples and big integers into
/// Tabs, lists and text, as the original does by default.
#ifndef OC_SERIALIZE_COMPAT
#define OC_SERIALIZE_COMPAT true
#endif

namespace OC {

/// Writes one byte for the type, then the content: a number; the size and the bytes of a text; or a
/// container's element type, length and elements. Types are kept. Shared content is written as
/// often as it occurs.
inline void SerializeTo_(std::string& bytes, const Val& v) {
    const auto add = [&bytes](const void* content, std::size_t size_bytes) {
        bytes.append(static_cast<const char*>(content), size_bytes);
    };
    const auto add_size = [&add](std::uint64_t size) { add(&size, sizeof size); };
    const auto add_content = [&](const auto& content) {
        using T = std::decay_t<decltype(content)>;
        if constexpr (detail::number_tag<T>() != 'Z') {
            add(&content, sizeof content);
        } else if constexpr (std::is_same_v<T, std::string_view>) {
            add_size(content.size());
            bytes += content;
        } else if constexpr (detail::is_big_int<T>) {
            const std::string digits = content.stringize();
            add_size(digits.size());
            bytes += digits;
        } else if constexpr (!std::is_same_v<T, std::monostate>) {
            bytes += v.subtype;
            add_size(content.length());
            for (It ii(v); ii();) {
                if (v.tag == 't' || v.tag == 'o') SerializeTo_(bytes, ii.key());
                SerializeTo_(bytes, ii.value());
            }
        }
    };
    bytes += v.tag;
    visit(add_content, v);
}

/// Reads the next value and moves `bytes` to the end of it.
inline Val DeserializeFrom_(const char*& bytes) {
    const auto take = [&bytes](void* content, std::size_t size_bytes) {
        std::memcpy(content, bytes, size_bytes);
        bytes += size_bytes;
    };
    const auto take_size = [&take] {
        std::uint64_t size = 0;
        take(&size, sizeof size);
        return static_cast<std::size_t>(size);
    };
    const auto take_text = [&] {
        std::string text(take_size(), ' ');
        take(&text[0], text.size());
        return text;
    };
    const char tag = *bytes++;
    if (tag == 'Z') return None;
    if (tag == 'a') return take_text();
    if (tag == 'q') return int_n(take_text());
    if (tag == 'Q') return int_un(take_text());
    if (std::strchr("toun", tag) == nullptr)
        return WithNumberOfTag_(tag, [&take](auto type) {
            typename decltype(type)::type number{};
            take(&number, sizeof number);
            return Val(number);
        });
    const char subtype = *bytes++;
    Val v = Arr();
    if (tag == 't') v = Tab();
    if (tag == 'o') v = OTab();
    if (tag == 'n' && subtype == 'a') v = Array<std::string>();
    if (tag == 'n' && subtype != 'a' && subtype != 'Z')
        v = WithNumberOfTag_(subtype, [](auto type) {
            return Val(Array<typename decltype(type)::type>());
        });
    for (std::size_t left = take_size(); left > 0; --left) {
        if (tag != 't' && tag != 'o') {
            v.append(DeserializeFrom_(bytes));
            continue;
        }
        const Val key = DeserializeFrom_(bytes);
        v[key] = DeserializeFrom_(bytes);
    }
    if (tag != 'u') return v;
    Val tuple = Tup();
    static_cast<Tup&>(tuple).take(v);
    return tuple;
}

inline std::string SerializedBytes_(const Val& v, bool compat) {
    std::string bytes;
    if (!compat) {
        SerializeTo_(bytes, v);
        return bytes;
    }
    Val converted = v;
    ConvertAllOTabTupBigIntToTabArrStr(converted);
    SerializeTo_(bytes, converted);
    return bytes;
}

/// How many bytes Serialize writes for the value.
inline std::size_t BytesToSerialize(const Val& v, bool compat = OC_SERIALIZE_COMPAT) {
    return SerializedBytes_(v, compat).size();
}
/// Writes the value to `memory`; returns the end of what it has written.
inline char* Serialize(const Val& v, char* memory, bool compat = OC_SERIALIZE_COMPAT) {
    const std::string bytes = SerializedBytes_(v, compat);
    std::memcpy(memory, bytes.data(), bytes.size());
    return memory + bytes.size();
}
/// Reads a value from `memory`; returns the end of what it has read.
inline char* Deserialize(Val& v, char* memory, bool compat = OC_SERIALIZE_COMPAT) {
    const char* at = memory;
    v = DeserializeFrom_(at);
    if (compat) ConvertAllOTabTupBigIntToTabArrStr(v);
    return memory + (at - memory);
}

}  // namespace OC
