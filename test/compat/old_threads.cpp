// Threads, a queue between them, and a condition variable.

#include "occq.h"
#include "ocsynchronizer.h"
#include "octhread.h"
#include "ocval.h"

Mutex mutex_of_sum;
CondVar done(mutex_of_sum);
int sum = 0;

void* consume(void* data) {
    CQ& queue = *reinterpret_cast<CQ*>(data);
    while (1) {
        Val packet = queue.deq();
        ProtectScope ps(mutex_of_sum);
        if (packet == None) {
            done() = true;
            done.broadcast();
            return 0;
        }
        sum += int_4(packet["n"]);
    }
}

int main() {
    CQ queue(4);
    OCThread consumer("consumer", false);
    consumer.start(consume, &queue);
    for (int ii = 1; ii <= 100; ii++) {
        Tab t;
        t["n"] = ii;
        queue.enq(new Tab(t));
    }
    queue.enq(None);
    done.lock();
    while (!done()) done.wait();
    done.unlock();
    consumer.join();
    cout << sum << endl;
    CondVar never;
    never.lock();
    cout << never.timedwait(1000) << never.timedwait_sec(.001) << endl;
    never.unlock();
    Val v;
    cout << queue.dequeue(0, v) << consumer.threadName() << endl;
    return 0;
}
