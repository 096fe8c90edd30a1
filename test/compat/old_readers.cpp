// Reading numbers and arrays, from characters and streams, valid and invalid.

#include <sstream>
#include "ocnumerictools.h"
#include "ocnumpytools.h"
#include "ocval.h"
#include "ocvalreader.h"

void readNumber(ValReaderA& reader) {
    Val v;
    try {
        reader.expectNumber(v);
        cout << v << " " << v.tag << endl;
    } catch (const logic_error&) {
        cout << "no number" << endl;
    }
}

void readArray(ValReaderA& reader) {
    Val v;
    try {
        reader.expectNumericArray(v);
        cout << v << " " << v.subtype << endl;
    } catch (const logic_error&) {
        cout << "no array" << endl;
    }
}

int main() {
    const char* numbers[] = {"7", " -2.5e3", "(1-1j)", "12345678901", "x", "", 0};
    for (const char** in = numbers; *in; in++) {
        Array<char> characters;
        for (const char* c = *in; *c; c++) characters.append(*c);
        ValReader reader(characters);
        readNumber(reader);
        istringstream is(*in);
        StreamValReader stream_reader(is);
        readNumber(stream_reader);
    }
    const char* arrays[] = {"array([])",
                            "array([1 2 3])",
                            "array([1,2], 's')",
                            "[1, 2]",
                            "array([1, 2.5], dtype=float32)",
                            "array([(1+1j)])",
                            0};
    for (const char** in = arrays; *in; in++) {
        ValReader reader(*in, -1);
        readArray(reader);
    }

    istringstream is("{'a': 1} {'b' 2} # bad\n [3]\n {");
    StreamValReader all(is);
    while (!all.EOFComing()) {
        Val v;
        try {
            all.expectAnything(v);
            cout << v << endl;
        } catch (const logic_error&) {
            cout << "skipped" << endl;
        }
    }

    Val samples = Eval("array([1.9, -2.1, 300])");
    for (const char* tag = "lsfD"; *tag; tag++) {
        ConvertArray(samples, *tag);
        cout << samples << " " << OCTagToNumPy(samples.subtype) << endl;
    }
    try {
        ConvertArray(samples, 'd');
    } catch (const runtime_error&) {
        cout << "complex ones stay complex" << endl;
    }
    cout << NumPyStringToOC("uint16") << int(NumPyStringToOC("string")) << endl;
    real_4 halves[2];
    const int_2 wholes[2] = {3, 4};
    BufferConvert(wholes, halves, 2);
    cout << halves[0] + halves[1] / 8 << endl;
    return 0;
}
