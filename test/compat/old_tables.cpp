// Iterators that are reused, tables that are swapped, sorting, and bytes.

#include "ocbsearch.h"
#include "occircularbuffer.h"
#include "ocserialize.h"
#include "ocsort.h"
#include "ocval.h"

void list(It& it) {
    while (it.next()) cout << it.key() << "=" << it.value() << " ";
    cout << endl;
}

int main() {
    const Tab options("{'--size': 10, '--name': 'x'}");
    It it;
    list(it);
    it.reset(options);
    list(it);
    OTab ordered("OrderedDict([('z', 1), ('a', 2)])");
    it.reset(ordered);
    list(it);
    it.reset(Val(new Arr("['p', 'q']")));
    list(it);
    TabIt one_table(options);
    one_table.reset(options);
    cout << one_table() << one_table.key() << endl;
    OTabSit sorted;
    sorted.reset(ordered);
    list(sorted);

    Tab t("{'a': [1, 2]}");
    Val key = "a", value = "new";
    bool was_there = t.swapInto(key, value);
    cout << was_there << t << value << endl;
    key = "b";
    was_there = t.swapInto(key, value);
    cout << was_there << t << value << endl;

    Array<string> names;
    const char* words[] = {"pear", "fig", "apple", "date", 0};
    for (int ii = 0; words[ii] != 0; ii++) {
        int place;
        OCBSearch(names, names.length(), string(words[ii]), 0, place);
        names.insertAt(place, words[ii]);
    }
    int at = -1;
    cout << names << OCBSearch(names, names.length(), string("fig"), 2, at) << at << endl;
    int numbers[] = {5, 3, 9, 1, 7};
    OCHardCodedSort3(numbers[0], numbers[1], numbers[2]);
    cout << numbers[0] << numbers[1] << numbers[2];
    OCInsertionSort(numbers, 0, 5);
    cout << numbers[0] << numbers[4] << endl;

    CircularBuffer<string> line(2, true);
    line.put("b");
    cout << line.pushback("a");
    line.print(cout);

    Val packet = Eval("o{'tuple': (1, 'x'), 'big': -5L, 'none': None, 'list': [True, 2.5]}"), back;
    packet["small"] = int_1(-3);
    packet["single"] = real_4(0.1);
    packet["array"] = Array<complex_8>(2);
    packet["texts"] = Array<string>();
    packet["texts"].append("y");
    for (int compat = 0; compat < 2; compat++) {
        char* mem = new char[BytesToSerialize(packet, compat)];
        char* end = Serialize(packet, mem, compat);
        cout << (end == mem + BytesToSerialize(packet, compat))
             << (Deserialize(back, mem, compat) == end) << (back == packet) << back["small"].tag
             << back["single"].tag << back["array"].subtype << endl
             << back << endl;
        delete[] mem;
    }
    return 0;
}
