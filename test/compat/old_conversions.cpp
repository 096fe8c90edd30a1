// Conversions of lists to tables, bags, permutations, bytes and images of text.

#include "ocbag.h"
#include "occonvert.h"
#include "ocmaketab.h"
#include "ocpermutations.h"
#include "ocserialize.h"
#include "ocstringtools.h"

int main() {
    Val v = Arr("['a', ['b', 'c']]");
    ConvertArrToTab(v);
    cout << v << ConvertTabToArr(v) << v << endl;
    Val t = Tab("{'0': 1, 'x': 2}");
    cout << ConvertTabToArr(t) << t << endl;
    Val mixed = Eval("[(1, o{'a': 5L})]");
    ConvertAllOTabTupBigIntToTabArrStr(mixed);
    cout << mixed << endl;
    cout << MakeTab(3.5) << MakeTab(Arr("[7]"), true) << endl;

    Permutations p(3);
    while (p.next()) {
        for (int ii = 0; ii < 3; ii++) cout << p.currentPermutation()[ii];
        cout << " ";
    }
    p.seed(4);
    cout << p.next() << p.next() << endl;

    iCupboard cupboard(5, 2);
    int_u4 item = 0, sum = 0;
    while (cupboard.get(1, item)) sum += item;
    cout << sum << cupboard.empty() << endl;

    Val packet = Tab("{'a': [1, 2.5, 'x']}"), back;
    Array<char> mem(100);
    mem.expandTo(BytesToSerialize(packet));
    char* end = Serialize(packet, mem.data());
    cout << (end == mem.data() + mem.length()) << (Deserialize(back, mem.data()) == end) << back
         << endl;
    cout << Image("a\n", true) << Image("b\t") << (DeImage("c\\n") == "c\n") << endl;
    return 0;
}
