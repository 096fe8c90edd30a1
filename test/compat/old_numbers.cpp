// Numbers: of any size, complex, as text, and predicates on them.

#include "ocbigint.h"
#include "occomplex.h"
#include "ocval.h"

int main() {
    cout << int_n(-7) / int_n(2) << " " << int_n(-7) % int_n(2) << " " << int_n(7) / int_n(-2)
         << " " << int_n(7) % int_n(-2) << endl;
    int_n i = "123456789012345678901234567890";
    cout << i * i << " " << int_n(5).as() << endl;
    cout << IntExp(int_un(2), 100) << " " << StringizeInt(-5) << endl;
    BigInt<int_u4, int_u8> same = i;
    Val v = same;
    int_n out = v;
    cout << (out == i) << v.tag << v.operator int_n() << endl;
    cout << Stringize(1.0) << " " << Stringize(1 / 3.0) << " " << Stringize(123456789.25) << " "
         << Stringize(5) << endl;
    complex_16 c(1, 2), d(0.5, -1);
    c += d * c;
    cout << c << " " << mag2(complex_16(3, 4)) << " " << mag(complex_16(3, 4)) << endl;
    Val f = 2.5f, n, s = "x", u = int_u2(3);
    cout << OC_IS_NUMERIC(f) << OC_IS_REAL(f) << OC_IS_INT(f) << OC_IS_NUMERIC(n)
         << OC_IS_NUMERIC(s) << OC_IS_UINT(u) << OC_IS_CX(u) << endl;
    OC::Val q = 1;
    cout << q << OC::Stringize(q) << endl;
    return 0;
}
