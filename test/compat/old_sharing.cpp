// Proxies, locks and pools, as a program with a single process uses them.

#include "checkshm.h"
#include "occircularbuffer.h"
#include "ocproxy.h"
#include "ocstreamingpool.h"
#include "ocval.h"

int main() {
    Proxy p = new Tab("{'a': 1}");
    Tab& borrowed = p;
    borrowed["b"] = 2;
    Tab copy = p;
    copy["c"] = 3;
    cout << p << copy << endl;
    Proxy empty;
    cout << empty << (empty < p) << is(p, empty) << endl;
    Val plain = Tab("{'x': 1}");
    plain.Proxyize(true, true);
    Val other = plain;
    {
        TransactionLock tl(other);
        other["x"] = 2;
    }
    cout << plain << IsProxy(plain) << endl;

    const int bytes = 1000000;
    char* mem = new char[bytes];
    StreamingPool* shm = StreamingPool::CreateStreamingPool(mem, bytes);
    {
        Tab t(shm);
        t["where"] = "a table that was given a pool";
        Arr a(shm);
        a.append(1);
        Val v(t, shm);
        Val w(3, shm);
        Array<real_8> numbers(10, shm);
        numbers.fill(0);
        v["list"] = a;
        Val shared = Shared(shm, t);
        shared["list"] = a;
        shared["numbers"] = numbers;
        cout << shared << InSHM(shared, shm) << (shared.allocator() == shm) << v << w << endl;
    }
    cout << shm->isPristine() << endl;
    StreamingPool::Clean(shm);
    delete[] mem;

    CircularBuffer<int> last3(3, true);
    for (int i = 0; i < 10; ++i) {
        if (last3.full()) last3.get();
        last3.put(i);
    }
    int dropped = last3.drop();
    cout << last3 << last3.capacity() << dropped << endl;
    return 0;
}
