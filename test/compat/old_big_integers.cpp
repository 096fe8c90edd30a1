// Integers of any size beside the other numbers, and their bytes.

#include "ocbigint.h"
#include "ocval.h"

#if defined(OC_BIGINT_OUTCONVERT_AS)
#define AS_INT_8(n) ((n).as())
#else
#define AS_INT_8(n) ((n).operator int_8())
#endif

template <typename T>
T factorial(int n) {
    T product = 1;
    for (int ii = 2; ii <= n; ii++) product *= T(ii);
    return product;
}

int main() {
    typedef BigInt<int_u1, int_u2> BI;
    cout << factorial<BI>(25) << " " << factorial<int_8>(10) << endl;
    int_n i = 2.75, j;
    j = -real_4(1e6);
    i += 1;
    cout << i++ << " " << --j << " " << 10 - i << " " << i * -3 << endl;
    int_n quotient, remainder;
    int_n::DivMod(-17, 5, quotient, remainder);
    cout << quotient << " " << remainder << endl;
    ostringstream os;
    quotient.print(os);
    cout << os.str() << " " << (os.str() == quotient.stringize()) << endl;

    int_un u = 300;
    int_n n = u;
    u = StringToBigInt("123456789012345678901234567890");
    cout << n << " " << u << " " << (n < u) << (u < n) << (n == u) << (n != u) << (u >= n) << endl;
    cout << StringToBigInt("1000000000000000000000000L") << " " << StringToBigInt("123", 2) << " "
         << StringToBigUInt("99999999999999999999") + 1 << endl;
    int_8 eight = AS_INT_8(n);
    cout << (eight == n) << (eight - 1 != n) << endl;

    real_8 real = MakeRealFromBigInt(int_n("4503599627370496"));
    BI from_real;
    MakeBigIntFromReal(-real, from_real);
    cout << from_real << " " << (IntExp(int_n(10), 30) == int_n("1" + string(30, '0'))) << endl;
    const int_n numbers[] = {0, 1, 127, 128, 255, 256, -1, -128, -129, -32768, 8388608};
    for (int ii = 0; ii < 11; ii++) {
        string bytes = MakeBinaryFromBigInt(numbers[ii]);
        int_n back;
        MakeBigIntFromBinary(bytes.data(), int(bytes.length()), back);
        cout << bytes.length() << (back == numbers[ii]) << " ";
    }
    MakeBigIntFromBinary("", 0, n);
    cout << n << IsLittleEndian() << endl;

    complex_8 c(1, 2);
    complex_16 wide = c;
    real_8 factor = 0.5;
    c = wide * factor;
    cout << c << 2 * c + 1 << 1 / complex_16(0, 1) << wide / 2 << wide - 0.25f << endl;
    return 0;
}
