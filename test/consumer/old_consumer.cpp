// Written as for the original library: its headers, its names, the global namespace.
#include "shmboot.h"

#include <unistd.h>

int main() {
    string name = "valpool_old_consumer_" + Stringize(getpid());
    SHMMain mem(name, 1000000);
    mem.warning(false);
    mem.start();
    ServerSide server(name, "pipe", 4);
    server.start();
    Val data = Shared(server.pool(), Tab());
    data["sequence_number"] = 1;
    real_8 timeout_in_seconds = 3.2;
    if (!server.pipe().enqueue(data, timeout_in_seconds)) return 1;
    Val packet;
    if (!server.pipe().dequeue(timeout_in_seconds, packet)) return 1;
    cout << packet << endl;
    return 0;
}
