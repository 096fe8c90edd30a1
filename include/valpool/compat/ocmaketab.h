#pragma once

#include <valpool/compat/occonvert.h>

namespace OC {

/// Turns a value that is not a Tab into {'VALUE': value}; with `convert_arr`, turns a list into {0:
/// ..., 1: ...} instead.
inline void MakeTabInPlace(Val& v, bool convert_arr = false, bool keys_as_strings = false) {
    if (v.tag == 't') return;
    if (convert_arr && v.tag == 'n' && v.subtype == 'Z')
        return ConvertArrToTab(v, false, keys_as_strings);
    Val table = Tab();
    table["VALUE"] = std::move(v);
    v = std::move(table);
}
inline Tab MakeTab(const Val& v, bool convert_arr = false, bool keys_as_strings = false) {
    Val copy = v;
    MakeTabInPlace(copy, convert_arr, keys_as_strings);
    return Tab(copy);
}

}  // namespace OC
