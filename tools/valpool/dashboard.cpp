// valpool dashboard: the pools of this machine in a browser.

#include "commands.hpp"
#include "dashboard/server.hpp"
#include "interrupt.hpp"
#include "output.hpp"

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <sys/random.h>
#include <sys/stat.h>

namespace tool {
namespace {

struct settings {
    dashboard::server_options server;
    int port = 7377;
    std::string token_file;
};

std::string random_token() {
    constexpr char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
        throw std::runtime_error("the system gives no random numbers for a token");
    std::string token;
    for (const unsigned char b : bytes) {
        token += digits[b / 16];
        token += digits[b % 16];
    }
    return token;
}

/// A file that only its owner can read, with the token in its first line.
std::string token_of(const std::string& file) {
    struct stat status = {};
    if (stat(file.c_str(), &status) != 0)
        throw std::runtime_error("cannot read the token's file " + file);
    if ((status.st_mode & 077) != 0)
        throw std::runtime_error("others can read the token's file " + file + ": try chmod 600");
    std::ifstream in(file);
    std::string token;
    std::getline(in, token);
    constexpr std::size_t shortest = 16;
    if (token.size() < shortest ||
        token.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_") != std::string::npos)
        throw std::runtime_error("the token in " + file +
                                 " must have 16 or more letters, digits, - and _");
    return token;
}

int serve(settings& s) {
    dashboard::server_options& o = s.server;
    o.port = static_cast<unsigned short>(s.port);
    if (o.listen != "127.0.0.1" && o.listen != "::1" && !o.access.allows_remote)
        throw usage_error("--listen " + o.listen +
                          " lets other machines in: that needs "
                          "--allow-remote");
    if (!s.token_file.empty() && !o.access.allows_remote)
        throw usage_error("--token-file needs --allow-remote");
    if (o.access.allows_remote)
        o.access.token = s.token_file.empty() ? random_token() : token_of(s.token_file);
    dashboard::serve(o, [&](unsigned short port) {
        const std::string host =
            o.listen.find(':') == std::string::npos ? o.listen : "[" + o.listen + "]";
        std::string text = "http://" + host + ":" + std::to_string(port) + "/";
        // A token of the user's own is known to him; and output may end in a log.
        if (o.access.allows_remote)
            text += s.token_file.empty() ? "?token=" + o.access.token
                                         : "?token=... (the one in " + s.token_file + ")";
        print(text + "\n");
    });
    return interrupted_exit_code();
}

}  // namespace

void add_dashboard(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("dashboard", "shows the pools of this machine in a browser",
                                 [s] { return serve(*s); }));
    c.option("--port", s->port, {0, 65535}, "where to listen; 0: a free one (default 7377)");
    c.option("--listen", s->server.listen, "ADDRESS", "at which address (default 127.0.0.1)");
    c.flag("--allow-remote", s->server.access.allows_remote,
           "answer other machines, too, if they know the token");
    c.option("--token-file", s->token_file, "FILE",
             "a file with that token, which others cannot read; otherwise a new one is made");
}

}  // namespace tool
