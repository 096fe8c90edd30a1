#pragma once

/// Converts lists to tables and back, in place.

#include <valpool/compat/global_names.hpp>

namespace OC {

inline bool IsListOrTable_(const Val& v) {
    return v.tag == 't' || v.tag == 'o' || v.tag == 'u' || (v.tag == 'n' && v.subtype == 'Z');
}

inline void ConvertAllArrsToTabs(Val& v, bool keys_as_strings = false);
inline void ConvertAllTabsToArrs(Val& v);

/// Converts the list in `v` to a table with the keys 0, 1, ... or '0', '1', ...
inline void ConvertArrToTab(Val& v, bool recurse = true, bool keys_as_strings = false) {
    Arr& list = v;
    Val converted = Tab();
    Tab& table = converted;
    for (Val& item : list) {
        if (recurse) ConvertAllArrsToTabs(item, keys_as_strings);
        const std::size_t position = table.entries();
        const Val key = keys_as_strings ? Val(Stringize(position)) : Val(int_4(position));
        table[key] = std::move(item);
    }
    if (IsProxy(v)) converted.Proxyize();
    v = std::move(converted);
}

inline void ConvertAllArrsToTabs(Val& v, bool keys_as_strings) {
    if (!IsListOrTable_(v)) return;
    for (It ii(v); ii();) ConvertAllArrsToTabs(ii.value(), keys_as_strings);
    if (v.tag == 'n') ConvertArrToTab(v, false, keys_as_strings);
}

/// Whether a key is an integer, or text that consists of digits. `value` becomes that integer.
inline bool CanBeInt(const Val& v, int& value) {
    const bool is_text = v.tag == 'a';
    if (!is_text && !OC_IS_INT(v) && !OC_IS_UINT(v) && v.tag != 'q' && v.tag != 'Q') return false;
    if (is_text)
        for (const char c : v.text())
            if (c < '0' || c > '9') return false;
    value = v;
    return true;
}

/// Converts the table in `v` to a list if its keys are 0, 1, ...; otherwise returns false and
/// leaves the table.
inline bool ConvertTabToArr(Val& v, bool recurse = true) {
    Tab& table = v;
    std::vector<Val*> values(table.entries());
    for (It ii(table); ii();) {
        if (recurse) ConvertAllTabsToArrs(ii.value());
        int position = -1;
        if (!CanBeInt(ii.key(), position) || position < 0) return false;
        const auto at = static_cast<std::size_t>(position);
        if (at >= values.size() || values[at]) return false;
        values[at] = &ii.value();
    }
    Val converted = Arr(values.size());
    for (Val* const value : values) converted.append(std::move(*value));
    if (IsProxy(v)) converted.Proxyize();
    v = std::move(converted);
    return true;
}

inline void ConvertAllTabsToArrs(Val& v) {
    if (!IsListOrTable_(v)) return;
    for (It ii(v); ii();) ConvertAllTabsToArrs(ii.value());
    if (v.tag == 't') ConvertTabToArr(v, false);
}

inline void ConvertTabToOTab(const Tab& from, OTab& to) {
    for (const auto& [key, value] : from) to[key] = value;
}
inline void ConvertOTabToTab(const OTab& from, Tab& to) {
    for (const auto& [key, value] : from) to[key] = value;
}

/// Converts all OTabs to Tabs, all tuples to lists, all big integers to text. Shared content is
/// copied.
inline void ConvertAllOTabTupBigIntToTabArrStr(Val& v) {
    if (v.tag == 'q' || v.tag == 'Q') {
        v = int_n(v).stringize();
    } else if (v.tag == 't' || v.tag == 'o') {
        Val converted = Tab();
        for (It ii(v); ii();) {
            Val value = ii.value();
            ConvertAllOTabTupBigIntToTabArrStr(value);
            converted[ii.key()] = std::move(value);
        }
        if (IsProxy(v)) converted.Proxyize();
        v = std::move(converted);
    } else if (IsListOrTable_(v)) {
        Val converted = Arr(v.length());
        for (It ii(v); ii();) {
            Val value = ii.value();
            ConvertAllOTabTupBigIntToTabArrStr(value);
            converted.append(std::move(value));
        }
        if (IsProxy(v)) converted.Proxyize();
        v = std::move(converted);
    }
}

/// Makes a list of what `v` holds: its elements; for a table, tuples (key, value); for a value that
/// is not a container, the value itself.
inline void AsList(const Val& v, Val& result, bool = false) {
    Arr list;
    const bool is_table = v.tag == 't' || v.tag == 'o';
    if (!is_table && v.tag != 'n' && v.tag != 'u')
        list.append(v);
    else
        for (It ii(v); ii();) list.append(is_table ? Val(Tup(ii.key(), ii.value())) : ii.value());
    result = list;
}

}  // namespace OC
