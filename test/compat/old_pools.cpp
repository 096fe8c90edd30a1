// A pool used directly: memory allocated and freed in every order, and what the pool reports.

#include "checkshm.h"
#include "ocpermutations.h"
#include "ocstreamingpool.h"
#include "ocval.h"

int main() {
    const int bytes = 200000;
    char* mem = new char[bytes];
    StreamingPool* pool = StreamingPool::CreateStreamingPool(mem, bytes, 16);
    int orders = 0;
    for (int length = 1; length < 6; length++) {
        Permutations p(length);
        while (p.next()) {
            const int* order = p.currentPermutation();
            char** pieces = new char*[length];
            for (int ii = 0; ii < length; ii++) {
                pieces[ii] = pool->allocate(8 + 30 * ii);
                memset(pieces[ii], ii, 8 + 30 * ii);
            }
            for (int ii = 0; ii < length; ii++) pool->deallocate(pieces[order[ii] - 1]);
            delete[] pieces;
            if (!pool->isPristine()) cout << "something is left" << endl;
            orders++;
        }
    }
    cout << orders << endl;

    int big = pool->biggestFree();
    char* all = Allocate(pool, big);
    cout << IsContainedMemory(all, big, pool) << IsContainedMemory(&big, sizeof(big), pool)
         << IsContainedMemory(all, 2 * bytes, pool) << pool->isPristine() << endl;
    bool saw = false;
    try {
        pool->allocate(big);
    } catch (const runtime_error&) {
        saw = true;
    }
    DeAllocate(pool, all);
    cout << saw << pool->isPristine() << endl;

    {
        Val shared = Shared(pool, Arr("[1, 'two']"));
        try {
            pool->scheduleForDeletion();
        } catch (const logic_error&) {
            cout << "in use: " << shared << endl;
        }
    }
    pool->scheduleForDeletion();
    delete[] mem;

    try {
        char few[64];
        StreamingPool::CreateStreamingPool(few, sizeof(few));
    } catch (const exception&) {
        cout << "too small" << endl;
    }
    return 0;
}
