// A program as it was written for the original library: values and containers.

#include "ocval.h"
#include "ocvalreader.h"
#include "occircularbuffer.h"
#include "ocbigint.h"

int main() {
    // Scalars, containers, nesting
    Tab t;
    t["int"] = 1;
    t["real"] = 2.0;
    t["string"] = "hello";
    t["none"] = None;
    t["bool"] = true;
    t["complex"] = complex_16(1, -2.5);
    t["list"] = Arr("[1, 2.5, 'three']");
    t["nested"] = Tab("{'a': {'b': [0, 1]}}");
    cout << t << endl;
    t.prettyPrint(cout);
    t["nested"]["a"]["b"][1] = "changed";
    cout << t("nested")("a")("b") << endl;

    // Conversions out of a Val
    int_4 i = t("int");
    real_8 r = t("real");
    string s = t("string");
    Str not_a_string = t("list");
    cout << i + 1 << " " << r / 4 << " " << s << " " << not_a_string << endl;
    cout << int_4(Val("12.7")) << " " << int_4(Val("abc")) << " " << int_4(t("list")) << endl;

    // Missing keys, wrong indexes, wrong types
    try {
        t("q");
    } catch (const out_of_range& e) {
        cout << e.what() << endl;
    }
    try {
        t["list"][17];
    } catch (const out_of_range&) {
        cout << "out of range" << endl;
    }
    try {
        Tab& wrong = t["list"];
        cout << wrong << endl;
    } catch (const logic_error&) {
        cout << "not a Tab" << endl;
    }

    // Iteration, in order and sorted
    OTab o;
    o["z"] = 1;
    o["a"] = 2;
    o.append(3);
    cout << o << endl;
    for (It ii(o); ii();) cout << ii.key() << "=" << ii.value() << " ";
    cout << endl;
    Tab two("{'y': 1, 'x': 2}");
    for (Sit ii(two); ii();) cout << ii.key() << "=" << ii.value() << " ";
    cout << endl;
    Arr a;
    a.append(1);
    a.append("two");
    a.append(3.5);
    for (It ii(a); ii();) cout << ii.key() << ":" << ii.value() << " ";
    cout << endl;

    // Arrays of numbers, tuples, big integers
    Array<real_8> data(4);
    for (int ii = 0; ii < 4; ii++) data.append(ii * .5);
    cout << data << endl;
    Val v = data;
    cout << v << endl;
    Array<real_8>& inside = v;
    inside[0] = 17;
    cout << v << " " << v.tag << v.subtype << endl;
    Val tup = Tup(1, "b", Arr());
    cout << tup << " " << Val(Tup()) << " " << Val(Tup(7)) << endl;
    int_n big = 1;
    for (int ii = 1; ii <= 30; ii++) big = big * int_n(ii);
    Val bigv = big;
    cout << big << " " << bigv << " " << bigv.tag << endl;

    // Sharing on the heap
    Val p1 = new Tab("{'shared': 1}");
    Val p2 = p1;
    p2["shared"] = 2;
    cout << p1 << " " << IsProxy(p1) << IsProxy(t["int"]) << " " << is(p1, p2) << endl;
    Val locked = Locked(new Tab());
    {
        TransactionLock tl(locked);
        locked["safe"] = 1;
    }
    cout << locked << endl;

    // Comparison, removal, swapping
    cout << (Val(1) == Val(1.0)) << (Val("a") < Val("b")) << (Val(Arr()) == Val(Tup())) << endl;
    cout << t.contains("int") << t.remove("int") << t.contains("int") << t.entries() << endl;
    Tab other;
    other.swapInto(two);
    cout << other << two << endl;
    cout << t.get("int", "gone") << endl;

    // Text
    string text = Stringize(o);
    Val back = Eval(text);
    cout << (back == Val(o)) << endl;
    cout << Val("it's \"quoted\"\n") << Val("it's") << endl;
    cout << Val(real_4(0.1f)) << " " << Val(1e22) << " " << Val(1e-5) << " " << Val(100.0) << endl;
    cout << Eval("o{'a': array([1,2,3], 'i')}") << endl;
    try {
        Eval("{'a': }");
    } catch (const logic_error&) {
        cout << "no value" << endl;
    }

    CircularBuffer<int> ring(2, true);
    for (int ii = 0; ii < 5; ii++) ring.put(ii);
    cout << ring.get() << ring.peek() << " " << ring.capacity() << " " << ring;
    return 0;
}
