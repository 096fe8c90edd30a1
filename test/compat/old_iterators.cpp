// Iterators of every kind, and the text readers.

#include <sstream>
#include "ocval.h"
#include "ocvalreader.h"

int main() {
    Tab t("{'b': 1, 'a': 2}");
    for (It ii(t); ii.next();) cout << ii.key() << ii.value() << " ";
    for (TabSit ii(t); ++ii;) cout << ii.key() << ii.value() << " ";
    cout << endl;
    TabIt again(t);
    while (again()) again.value() = 0;
    again.reset();
    while (again()) cout << again.value();
    cout << endl;
    Array<int> a;
    a.append(30);
    a.append(10);
    for (ArrIt<int> ii(a); ii();) cout << ii.key() << ":" << ii.value() << " ";
    for (ArrSit<int> ii(a); ii();) cout << ii.value() << " ";
    cout << endl;
    Arr list("['z', 'y']");
    for (ArrIt<Val> ii(list); ii();) cout << ii.key() << ii.value();
    cout << endl;

    istringstream is("{'a': 1} [1, 2] 'text' (3, 4) o{'k': 5} 7");
    StreamValReader sv(is);
    Tab table;
    Arr arr;
    string text;
    Tup tup;
    OTab otab;
    Val v;
    bool ok = sv.expectTab(table);
    sv.expectArr(arr);
    sv.expectStr(text);
    sv.expectTup(tup);
    sv.expectOTab(otab);
    sv.expectAnything(v);
    cout << ok << table << arr << text << tup << otab << v << sv.EOFComing() << endl;
    return 0;
}
