#pragma once

#include <valpool/valpool.hpp>

#include <string>
#include <utility>
#include <vector>

/// Every call that changes a value and takes an argument. The argument is a part of the value that
/// is changed, or a copy of that part.

namespace value_test {

using namespace valpool;

inline const std::string changes_text(100, 'x');

template <class Table>
Table table_with_parts() {
    return Table{{"q", Table{{"q", 1}, {"y", Arr{1, changes_text}}, {"z", changes_text}}},
                 {"r", 5},
                 {changes_text, changes_text},
                 {"n", Tab{{"m", Arr{changes_text}}}}};
}

/// One container of every kind, with a container of the same kind inside.
inline Tab with_parts() {
    Tab full;
    for (int i = 0; i < 12; ++i) full[changes_text + std::to_string(i)] = i;
    return {{"tab", table_with_parts<Tab>()},
            {"otab", table_with_parts<OTab>()},
            {"full", full},
            {"arr", Arr{Val(Arr{1, changes_text, Tab{{"a", changes_text}}}), 5, changes_text, 7}},
            {"tup", Tup(Val(Tup(1, changes_text)), Arr{1, changes_text}, 5)},
            {"texts", Array<std::string>{"a", changes_text, "b", "c"}},
            {"numbers", Array<real_8>{1, 2, 3, 4}},
            {"text", changes_text},
            {"key", changes_text + "3"}};
}

struct change {
    const char* name;
    Val& (*part)(Val& v);
    void (*apply)(Val& v, Val& part);
};

template <class T>
T& as(Val& v) {
    return v;
}

inline const std::vector<change>& changes() {
    const auto tab_q = [](Val& v) -> Val& { return v("tab")("q"); };
    const auto tab_m = [](Val& v) -> Val& { return v("tab")("n")("m"); };
    const auto tab_text = [](Val& v) -> Val& { return v("tab")(changes_text); };
    const auto otab_q = [](Val& v) -> Val& { return v("otab")("q"); };
    const auto arr_list = [](Val& v) -> Val& { return v("arr")(0); };
    const auto arr_text = [](Val& v) -> Val& { return v("arr")(2); };
    const auto arr_deep = [](Val& v) -> Val& { return v("arr")(0)(2); };
    const auto tup_tup = [](Val& v) -> Val& { return v("tup")(0); };
    const auto tup_list = [](Val& v) -> Val& { return v("tup")(1); };
    const auto texts = [](Val& v) -> Val& { return v("texts"); };
    const auto numbers = [](Val& v) -> Val& { return v("numbers"); };
    const auto text = [](Val& v) -> Val& { return v("text"); };
    const auto key = [](Val& v) -> Val& { return v("key"); };
    static const std::vector<change> all = {
        {"Tab +=", tab_q, [](Val& v, Val& p) { as<Tab>(v("tab")) += as<Tab>(p); }},
        {"Tab += another one", tab_q, [](Val& v, Val& p) { as<Tab>(v("full")) += as<Tab>(p); }},
        {"Tab =", tab_q, [](Val& v, Val& p) { as<Tab>(v("tab")) = as<Tab>(p); }},
        {"Tab = move", tab_q, [](Val& v, Val& p) { as<Tab>(v("tab")) = std::move(as<Tab>(p)); }},
        {"Tab insert", tab_q,
         [](Val& v, Val& p) { as<Tab>(v("tab")).insertKeyAndValue("new", p); }},
        {"Tab insert move", tab_q,
         [](Val& v, Val& p) { as<Tab>(v("tab")).insertKeyAndValue("new", std::move(p)); }},
        {"Tab insert move deep", tab_m,
         [](Val& v, Val& p) { as<Tab>(v("tab")).insertKeyAndValue("new", std::move(p)); }},
        {"Tab replace by its part", tab_m,
         [](Val& v, Val& p) { as<Tab>(v("tab")).insertKeyAndValue("n", p); }},
        {"Tab replace by its moved part", tab_m,
         [](Val& v, Val& p) { as<Tab>(v("tab")).insertKeyAndValue("n", std::move(p)); }},
        {"Tab insert as key", tab_text,
         [](Val& v, Val& p) { as<Tab>(v("tab")).insertKeyAndValue(p, p); }},
        {"Tab insert a new key", key,
         [](Val& v, Val& p) { as<Tab>(v("tab")).insertKeyAndValue(p, p); }},
        {"full Tab insert", key,
         [](Val& v, Val& p) { as<Tab>(v("full")).insertKeyAndValue(changes_text + "new", p); }},
        {"Tab append", tab_q, [](Val& v, Val& p) { as<Tab>(v("tab")).append(p); }},
        {"Tab append move", tab_q, [](Val& v, Val& p) { as<Tab>(v("tab")).append(std::move(p)); }},
        {"Tab remove", tab_text, [](Val& v, Val& p) { v("tab").remove(p); }},
        {"full Tab remove", key, [](Val& v, Val& p) { v("full").remove(p); }},
        {"OTab +=", otab_q, [](Val& v, Val& p) { as<OTab>(v("otab")) += as<OTab>(p); }},
        {"OTab =", otab_q, [](Val& v, Val& p) { as<OTab>(v("otab")) = as<OTab>(p); }},
        {"OTab = move", otab_q,
         [](Val& v, Val& p) { as<OTab>(v("otab")) = std::move(as<OTab>(p)); }},
        {"OTab insert", otab_q,
         [](Val& v, Val& p) { as<OTab>(v("otab")).insertKeyAndValue("new", p); }},
        {"OTab insert move", otab_q,
         [](Val& v, Val& p) { as<OTab>(v("otab")).insertKeyAndValue("new", std::move(p)); }},
        {"Arr =", arr_list, [](Val& v, Val& p) { as<Arr>(v("arr")) = as<Arr>(p); }},
        {"Arr = move", arr_list, [](Val& v, Val& p) { as<Arr>(v("arr")) = std::move(as<Arr>(p)); }},
        {"Arr append", arr_list, [](Val& v, Val& p) { as<Arr>(v("arr")).append(p); }},
        {"Arr append move", arr_list,
         [](Val& v, Val& p) { as<Arr>(v("arr")).append(std::move(p)); }},
        {"Arr append move deep", arr_deep,
         [](Val& v, Val& p) { as<Arr>(v("arr")).append(std::move(p)); }},
        {"Arr append text", arr_text, [](Val& v, Val& p) { as<Arr>(v("arr")).append(p); }},
        {"Arr prepend", arr_text, [](Val& v, Val& p) { as<Arr>(v("arr")).prepend(p); }},
        {"Arr prepend move", arr_text,
         [](Val& v, Val& p) { as<Arr>(v("arr")).prepend(std::move(p)); }},
        {"Arr insert", arr_list, [](Val& v, Val& p) { as<Arr>(v("arr")).insert(1, p); }},
        {"Arr insert move", arr_list,
         [](Val& v, Val& p) { as<Arr>(v("arr")).insert(1, std::move(p)); }},
        {"Arr insertAt", arr_list, [](Val& v, Val& p) { as<Arr>(v("arr")).insertAt(0, p); }},
        {"Arr insertAt move deep", arr_deep,
         [](Val& v, Val& p) { as<Arr>(v("arr")).insertAt(0, std::move(p)); }},
        {"Arr fill", arr_list, [](Val& v, Val& p) { as<Arr>(v("arr")).fill(p); }},
        {"Arr remove", arr_text, [](Val& v, Val& p) { as<Arr>(v("arr")).remove(p); }},
        {"Arr element = another", arr_text, [](Val& v, Val& p) { v("arr")(0) = p; }},
        {"Arr element = its part", arr_deep, [](Val& v, Val& p) { v("arr")(0) = p; }},
        {"Arr element = its moved part", arr_deep,
         [](Val& v, Val& p) { v("arr")(0) = std::move(p); }},
        {"Arr resize", arr_text, [](Val& v, Val&) { as<Arr>(v("arr")).resize(100); }},
        {"Arr expandTo", arr_text, [](Val& v, Val&) { as<Arr>(v("arr")).expandTo(100); }},
        {"Tup =", tup_tup, [](Val& v, Val& p) { as<Tup>(v("tup")) = as<Tup>(p); }},
        {"Tup = move", tup_tup, [](Val& v, Val& p) { as<Tup>(v("tup")) = std::move(as<Tup>(p)); }},
        {"Tup take", tup_list, [](Val& v, Val& p) { as<Tup>(v("tup")).take(as<Arr>(p)); }},
        {"Tup element =", tup_list, [](Val& v, Val& p) { v("tup")(2) = p; }},
        {"texts append", texts,
         [](Val& v, Val& p) {
             as<Array<std::string>>(v("texts")).append(as<Array<std::string>>(p)[1]);
         }},
        {"texts insertAt", texts,
         [](Val& v, Val& p) {
             as<Array<std::string>>(v("texts")).insertAt(0, as<Array<std::string>>(p)[1]);
         }},
        {"texts insertAt move", texts,
         [](Val& v, Val& p) {
             as<Array<std::string>>(v("texts"))
                 .insertAt(0, std::move(as<Array<std::string>>(p)[1]));
         }},
        {"texts fill", texts,
         [](Val& v, Val& p) {
             as<Array<std::string>>(v("texts")).fill(as<Array<std::string>>(p)[1]);
         }},
        {"texts +=", texts,
         [](Val& v, Val& p) {
             as<Array<std::string>>(v("texts"))[0] += as<Array<std::string>>(p)[1];
         }},
        {"text = its own bytes", texts,
         [](Val& v, Val& p) {
             as<Array<std::string>>(v("texts"))[1] = as<Array<std::string>>(p)[1].view().substr(3);
         }},
        {"numbers append", numbers,
         [](Val& v, Val& p) { as<Array<real_8>>(v("numbers")).append(as<Array<real_8>>(p)[1]); }},
        {"numbers insertAt", numbers,
         [](Val& v, Val& p) {
             as<Array<real_8>>(v("numbers")).insertAt(0, as<Array<real_8>>(p)[2]);
         }},
        {"numbers fill", numbers,
         [](Val& v, Val& p) { as<Array<real_8>>(v("numbers")).fill(as<Array<real_8>>(p)[2]); }},
        {"numbers remove", numbers,
         [](Val& v, Val& p) { as<Array<real_8>>(v("numbers")).remove(as<Array<real_8>>(p)[2]); }},
        {"Val = its part", tab_q, [](Val& v, Val& p) { v("tab") = p; }},
        {"Val = its moved part", tab_q, [](Val& v, Val& p) { v("tab") = std::move(p); }},
        {"Val = its deep part", tab_m, [](Val& v, Val& p) { v("tab") = p; }},
        {"Val = its deep moved part", tab_m, [](Val& v, Val& p) { v("tab") = std::move(p); }},
        {"Val = its own text", text, [](Val& v, Val& p) { v("text") = p.text().substr(1, 50); }},
        {"Val = its own short text", text,
         [](Val& v, Val& p) { v("text") = p.text().substr(1, 10); }},
        {"Val append to a list", arr_text, [](Val& v, Val& p) { v("arr").append(p); }},
        {"Val append to a list, move", arr_list,
         [](Val& v, Val& p) { v("arr").append(std::move(p)); }},
        {"Val append to a table", tab_q, [](Val& v, Val& p) { v("tab").append(p); }},
        {"Val append to texts", text, [](Val& v, Val& p) { v("texts").append(p); }},
    };
    return all;
}

}  // namespace value_test
