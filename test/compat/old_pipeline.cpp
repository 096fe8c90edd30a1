// The server, middle and client of the original's document, each in a process of its own.

#include "shmboot.h"

void middle(const string& region) {
    ClientSide client(region, "pipe_0");
    client.warning(false);
    client.start();
    ServerSide server(region, "pipe_1", 4);
    server.start();
    CQ& input = client.pipe();
    CQ& out = server.pipe();
    while (1) {
        Val in_packet;
        if (!input.dequeue(.1, in_packet)) continue;
        bool end = in_packet == None;
        if (!end) in_packet["middle"] = Arr("['was', 'here']");
        bool enqueued = false;
        while (!enqueued) enqueued = out.enqueue(in_packet, .1);
        if (end) return;
    }
}

int main() {
    string region = "valpool_old_pipeline_" + Stringize(getpid());
    SHMMain mem(region, 1000000);
    mem.warning(false);
    mem.start();
    pid_t child = fork();
    if (child == 0) {
        middle(region);
        _exit(0);
    }
    ServerSide server(region, "pipe_0", 4);
    server.start();
    ClientSide client(region, "pipe_1");
    client.start();
    for (int seq = 0; seq < 3; seq++) {
        Val data = Shared(server.pool(), Tab());
        data["sequence_number"] = seq;
        server.pipe().enq(data);
        Val packet;
        while (!client.pipe().dequeue(5.5, packet)) cerr << "trying again" << endl;
        cout << packet << packet.sharedAcrossProcesses() << endl;
    }
    server.pipe().enq(None);
    Val end;
    client.pipe().dequeue(None, end);
    waitpid(child, 0, 0);
    cout << end << mem.state() << endl;
    return 0;
}
