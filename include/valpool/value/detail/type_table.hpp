#pragma once

/// The types that a value can have, one row for each. Everything that depends on the type comes
/// from these rows. A new type of number is one row here; as long as other necessary code is
/// missing, the library does not compile, or type_table_test fails. A new kind of type is a further
/// parameter of VALPOOL_VALUE_TYPES, which every place that distinguishes types then has to name.
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
