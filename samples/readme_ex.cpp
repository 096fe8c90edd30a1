#include <valpool/valpool.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <iostream>

using namespace valpool;

int main() {
    SHMMain pool("readme_pool", 1000000);  // a million bytes of shared memory, under that name
    pool.start();

    if (fork() == 0) {  // another process; it could as well be another program
        ClientSide client("readme_pool", "numbers");
        client.start();                    // waits until the pool and the pipe are there
        Val packet = client.pipe().deq();  // a reference: nothing is copied
        std::cout << packet["name"] << " has " << packet["samples"].length() << " samples\n";
        packet.prettyPrint(std::cout);
        return 0;
    }

    ServerSide server("readme_pool", "numbers", 4);  // a pipe with room for 4 packets
    server.start();
    Val packet = Shared(server.pool(), Tab{{"name", "first"}, {"samples", Arr{0.5, 1.5, 2.5}}});
    packet["position"] = Tab{{"x", 1}, {"y", -2}};  // lands in shared memory, too
    server.pipe().enq(packet);
    wait(nullptr);
}
