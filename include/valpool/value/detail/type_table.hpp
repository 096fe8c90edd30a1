#pragma once

/// The types that a value can have, one row for each. Everything that depends on the type comes
/// from these rows.
///
/// A new type of number is one row. Then convert.cpp (number_of, what arithmetic cannot do) and
/// print.cpp do not compile until they know it, and type_table_test names what is left.
///
/// A new kind of type (a date, say) is a further parameter of VALPOOL_VALUE_TYPES. Every expansion
/// of that then fails to compile: type_rows.hpp, visit.hpp, compare.cpp. What distinguishes only
/// some kinds (print.cpp, json.cpp, number_order.cpp for the hash, val.cpp for copying,
/// convert.cpp) compiles, and throws "damaged" for the new one at run time; type_table_test goes
/// through all of it and names each. A constructor of Val, as() and get_if() are for the new type
/// to add, and compat/ocserialize.h and compat/numbers.hpp write the tags of the original's files.
///
/// Either way layout_version changes: an older program must not meet the new tag.
///
/// These are macros, because only macros can generate the cases of a switch, which the fast paths
/// need.

// clang-format off

/// Numbers of fixed size; arrays also hold these. ROW(tag, type, name in messages, the letter that
/// is written behind an array of them, NumPy's name). Where two types have the same letter, the
/// letter alone means the first one; parse.cpp says when it means the other one.
#define VALPOOL_NUMBER_TYPES(ROW)                          \
    ROW('s', int_1,      "int_1",      '1', "int8")        \
    ROW('S', int_u1,     "int_u1",     'b', "uint8")       \
    ROW('i', int_2,      "int_2",      's', "int16")       \
    ROW('I', int_u2,     "int_u2",     'w', "uint16")      \
    ROW('l', int_4,      "int_4",      'i', "int32")       \
    ROW('L', int_u4,     "int_u4",     'u', "uint32")      \
    ROW('x', int_8,      "int_8",      'l', "int64")       \
    ROW('X', int_u8,     "int_u8",     'l', "uint64")      \
    ROW('b', bool,       "bool",       'b', "bool")        \
    ROW('f', real_4,     "real_4",     'f', "float32")     \
    ROW('d', real_8,     "real_8",     'd', "float64")     \
    ROW('F', complex_8,  "complex_8",  'F', "complex64")   \
    ROW('D', complex_16, "complex_16", 'D', "complex128")

/// The types that elements of an array can have. ROW(subtype, type, name, ...).
#define VALPOOL_ELEMENT_TYPES(ROW)    \
    VALPOOL_NUMBER_TYPES(ROW)         \
    ROW('a', std::string, "string")   \
    ROW('Z', Val, "value")

/// Containers other than arrays. ROW(tag, type, name in messages).
#define VALPOOL_CONTAINER_TYPES(ROW) \
    ROW('t', Tab,  "Tab")            \
    ROW('o', OTab, "OTab")           \
    ROW('u', Tup,  "Tup")

/// Integers of any size. ROW(tag, type, name in messages).
#define VALPOOL_BIG_INTEGER_TYPES(ROW)  \
    ROW('q', big_int<true>,  "int_n")   \
    ROW('Q', big_int<false>, "int_un")

/// All types. NONE, TEXT and ARRAY are called with (tag, name in messages).
#define VALPOOL_VALUE_TYPES(NONE, NUMBER, BIG_INTEGER, TEXT, CONTAINER, ARRAY) \
    NONE('Z', "None")                                                          \
    VALPOOL_NUMBER_TYPES(NUMBER)                                               \
    VALPOOL_BIG_INTEGER_TYPES(BIG_INTEGER)                                     \
    TEXT('a', "string")                                                        \
    VALPOOL_CONTAINER_TYPES(CONTAINER)                                         \
    ARRAY('n', "Arr")

// clang-format on
