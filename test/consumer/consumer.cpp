// A user's first program, against the installed library.
#include <valpool/valpool.hpp>

#include <iostream>

#include <unistd.h>

int main() {
    const std::string name = "valpool_consumer_" + std::to_string(getpid());
    valpool::SHMMain pool(name, 1000000);
    pool.start();
    valpool::ServerSide server(name, "pipe", 4);
    server.start();
    valpool::ClientSide client(name, "pipe");
    client.start();

    valpool::Val packet = valpool::Shared(server.pool(), valpool::Tab());
    packet["answer"] = 42;
    server.pipe().enq(packet);
    std::cout << client.pipe().deq() << "\n";
    return client.pipe().empty() ? 0 : 1;
}
