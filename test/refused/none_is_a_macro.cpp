// <X11/X.h> after valpool's headers: where None is usual, X11's 0L must not compile. All other
// zeros and longs compile. run.sh compares the lines that have errors with the lines that are
// marked as wrong.
#include <valpool/valpool.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#define None 0L

using namespace valpool;

long get_long();
enum kind { first, second };

bool numbers_compare(const Val& v, long l, std::int64_t t, std::size_t n) {
    const long constant = 0;
    bool all = v == 0 && v == 0U && v == 0UL && v == 0LL && v == 0.0 && v == false && v == '\0';
    all = all && v == l && l == v && v != l + 1 && v == get_long() && get_long() != v;
    all = all && v == constant && v == t - 1 && v == n && v == first && v == Val(0L);
    return all && v == v && v != Tab() && "text" != v && v == Val();
}

bool numbers_are_packets(CQ& queue, const Val& v, long l) {
    queue.enq(0);
    queue.enq(l);
    queue.enq(0UL);
    queue.enq(get_long());
    queue.enq(second);
    queue.enq("text");
    queue.enq(Val());
    return queue.enqueue(0) && queue.enqueue(l) && queue.enqueue(0, 0) && queue.enqueue(0, l) &&
           queue.enqueue(l, 1.5) && queue.enqueue(l, l) && queue.enqueue(0, v) &&
           queue.try_enqueue(0) && queue.try_enqueue(l) && queue.enqueue("text", 1.5F);
}

bool numbers_are_time_outs(CQ& queue, const Val& v, Val& out, std::vector<Val>& many, long l) {
    bool all = queue.dequeue(0, out) && queue.dequeue(l, out) && queue.dequeue(0UL, out);
    all = all && queue.dequeue(v, out) && queue.dequeue(0.5, out) && queue.dequeue(0.5F, out);
    all = all && queue.enqueue(v, 0) && queue.enqueue(v, l) && queue.enqueue(v, v);
    all = all && queue.dequeue_many(many, 1, 0) == 1 && queue.dequeue_many(many, 1, l) == 1;
    return all && queue.enqueue_many(many, 0) == 1 && queue.enqueue_many(many.data(), 1, l) == 1;
}

void none_does_not_compile(CQ& queue, Val v, const Val& c, long l, std::vector<Val>& many) {
    static_cast<void>(v == None);       // wrong
    static_cast<void>(v != None);       // wrong
    static_cast<void>(None == c);       // wrong
    static_cast<void>(None != c);       // wrong
    static_cast<void>(v["a"] == None);  // wrong
    static_cast<void>(Val() == None);   // wrong
    queue.enq(None);                    // wrong
    queue.try_enqueue(None);            // wrong
    queue.enqueue(None);                // wrong
    queue.enqueue(None, 1.5);           // wrong
    queue.enqueue(None, c);             // wrong
    queue.enqueue(None, None);          // wrong
    queue.enqueue(c, None);             // wrong
    queue.enqueue(Val(1), None);        // wrong
    queue.enqueue(1, None);             // wrong
    queue.enqueue(l, None);             // wrong
    queue.dequeue(None, v);             // wrong
    queue.dequeue_many(many, 1, None);  // wrong
    queue.enqueue_many(many, None);     // wrong
    queue.enqueue_many(&v, 1, None);    // wrong
}
