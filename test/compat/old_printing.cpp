// Pretty printing, files, and conversions out of a Val.

#include "ocval.h"
#include "ocvalreader.h"

int main() {
    OTab o("o{'z': [], 'a': (1, {}), 'n': None}");
    o.prettyPrint(cout);
    Val v = o;
    v.prettyPrint(cout, 2, 2);
    Val(Arr()).prettyPrint(cout);
    Val(Tab()).prettyPrint(cout);
    Val(17).prettyPrint(cout);
    cout << endl;
    string name = "/tmp/valpool_old_printing_" + Stringize(getpid());
    WriteTabToFile(Tab("{'file': [1, 2.5]}"), name);
    Tab back;
    ReadTabFromFile(name, back);
    remove(name.c_str());
    cout << back << endl;
    int_1 small = Val(1000);
    real_4 real = Val("2.5 and more");
    bool yes = Val("1");
    string text = Val(Tup(1, "x"));
    cout << int(small) << " " << real << yes << text << endl;
    return 0;
}
