#pragma once

/// The dashboard's HTTP server.

#include "dashboard/request.hpp"

#include <cstddef>
#include <functional>
#include <string>

namespace tool::dashboard {

struct server_options {
    std::string listen = "127.0.0.1";
    unsigned short port = 0;  // 0: any that is free
    access_rules access;
    std::size_t most_clients = 64;  // connections at once
    std::size_t most_taps = 4;      // viewers of what passes, at once
};

/// Serves until the program is interrupted. `is_ready` is called with the port once clients can
/// connect. Throws std::runtime_error when it cannot listen there.
/// A client costs a connection and one answer at most: requests are limited to 8 KiB, have 10
/// seconds to arrive, and an answer has 20 to be taken. A client that reads slowly sees less often
/// what is live; nothing is kept for it.
void serve(const server_options& options, const std::function<void(unsigned short)>& is_ready);

}  // namespace tool::dashboard
