// Lengths and capacities, searching and removing, as in the original's arrays.

#include "ocarray.h"
#include "ocnumerictools.h"
#include "ocval.h"

int main() {
    Array<real_8> filled(3);
    filled.fill(1.5);
    cout << filled.length() << " " << filled << endl;
    filled.fill(2.5, 2);
    cout << filled.length() << endl;
    Array<int_4> to;
    to.expandTo(4);
    cout << to.length() << endl;
    to.expandBy(-1);
    cout << to.length() << endl;
    Arr list("[1, 2, 3, 4]");
    list.resize(2);
    cout << list.length() << " " << list.capacity() << endl;
    list.resize(10);
    list.append(5);
    cout << list.length() << " " << list.capacity() << endl;
    Val v = Array<int_4>(5);
    Array<int_4>& inside = v;
    inside.fill(7);
    cout << v << endl;

    int found = 0;
    Array<int> a;
    a.insert(1);
    a << 2 << 1 << 3;
    a += a;
    cout << a << a.find(3, found) << found << a.find(9, found) << a.isEmpty() << endl;
    if (a.index(9) == Array<int>::ARRAY_NPOS) cout << "not there" << endl;
    cout << a.removeAll(1) << " " << a << endl;
    int first = a.removeFirst(), last = a.removeLast(), second = a.removeAt(1);
    cout << first << last << second << " " << a << endl;
    a.append(4);
    a.removeRange(0, 1);
    cout << a << endl;
    try {
        a.removeRange(0, 2);
    } catch (const out_of_range&) {
        cout << "out of range" << endl;
    }
    Array<int> b;
    b.append(5);
    cout << (a < b) << (a > b) << (a <= a) << (Tup(1) < Tup(2)) << (Tab("{'a':1}") < Tab("{'a':2}"))
         << endl;

    Val removed = Arr("[5, 0, 6]");
    cout << removed.remove(0) << removed.remove(17) << " " << removed << endl;
    Tab t;
    t[1] = "precious";
    try {
        t.append("new");
    } catch (const runtime_error&) {
        cout << t << endl;
    }
    t.appendStr("text");
    cout << t << " " << t.keys() << t.values() << t.items() << endl;
    Val out;
    cout << t.findValue(1, out) << out << t.findValue(9, out) << endl;
    cout << Arr("[1, 'x', [2]]") << endl;
    cout << Eval("array([1,2,3])") << Eval("array([1.5,2])") << Eval("array([])") << endl;
    cout << OCTagToNumeric('l') << NumericTagToOC('i') << endl;
    return 0;
}
