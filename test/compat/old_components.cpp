// Components with a thread each, queues between them, and attributes that all of them may read.

#include "occq.h"
#include "octhread.h"
#include "ocval.h"

class Component {
public:
    Component(const string& name)
        : attrs(Locked(new Tab("{'state': 'stopped'}"))), thread_(name, false), in_(0), out_(0) {}
    virtual ~Component() {}

    void connect(CQ* in, CQ* out) {
        in_ = in;
        out_ = out;
    }
    void start() {
        if (thread_.started()) return;
        set("state", "started");
        thread_.start(&run_, this);
    }
    int_8 wait() {
        int_8* packets = reinterpret_cast<int_8*>(thread_.join());
        set("state", "stopped");
        return packets ? *packets : -1;
    }
    void set(const string& name, const Val& value) {
        TransactionLock tl(attrs);
        attrs[name] = value;
    }
    Val get(const string& name, const Val& instead = None) {
        TransactionLock tl(attrs);
        Tab& t = attrs;
        return t.contains(name) ? t(name) : instead;
    }
    string name() const { return thread_.threadName(); }

    Val attrs;

protected:
    virtual bool work_() = 0;

    CQ& in() { return *in_; }
    CQ& out() { return *out_; }

private:
    static void* run_(void* data) {
        Component* me = reinterpret_cast<Component*>(data);
        me->packets_ = 0;
        while (me->work_()) me->packets_++;
        return &me->packets_;
    }

    OCThread thread_;
    CQ* in_;
    CQ* out_;
    int_8 packets_;
};

class Source : public Component {
public:
    Source() : Component("source"), sent_(0) {}

protected:
    virtual bool work_() {
        int length = get("length", 4);
        if (sent_ == int(get("packets", 1))) {
            out().enq(None);
            return false;
        }
        Val packet = Locked(new Tab("{'header': {}, 'data': None}"));
        packet["header"]["number"] = sent_;
        Array<complex_8>& data = packet["data"] = new Array<complex_8>(length);
        data.expandTo(length);
        for (int ii = 0; ii < length; ii++) data[ii] = ii + sent_;
        out().enq(packet);
        sent_++;
        return true;
    }

private:
    int sent_;
};

class Gain : public Component {
public:
    Gain() : Component("gain") {}

protected:
    virtual bool work_() {
        Val packet = in().deq();
        if (packet == None) {
            out().enq(packet);
            return false;
        }
        real_8 gain = get("gain", 1);
        {
            TransactionLock tl(packet);
            Array<complex_8>& data = packet("data");
            for (int ii = 0; ii < int(data.length()); ii++) data[ii] = data[ii] * gain;
        }
        out().enq(packet);
        return true;
    }
};

int main() {
    CQ raw(2), cooked(2);
    Source source;
    Gain gain;
    source.connect(0, &raw);
    gain.connect(&raw, &cooked);
    source.set("packets", 3);
    gain.set("gain", 0.5);
    cout << source.wait() << gain.name() << endl;
    gain.start();
    source.start();
    source.start();
    for (Val packet = cooked.deq(); packet != None; packet = cooked.deq()) {
        Array<complex_8>& data = packet("data");
        cout << packet << " " << mag2(data[3]) << endl;
    }
    int_8 sent = source.wait(), treated = gain.wait();
    cout << sent << " " << treated << " " << string(gain.get("state")) << endl;
    return 0;
}
