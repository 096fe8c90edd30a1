#pragma once

/// Ways to pass a message of bytes from one process to another. Each is an object made before the
/// processes are, with a sender and a receiver to be made in them:
///     void sender::send(std::string_view)
///     std::string_view receiver::receive()      valid until the next call
/// A receiver with release() says with it how long. They block in the system, as they do in
/// ordinary use. All are given a capacity in messages, and the size of the longest one.

#include "support/process.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/version.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace valpool::bench {

constexpr std::size_t most_message_bytes = 8192;

inline std::string boost_version() {
    return "Boost " + std::to_string(BOOST_VERSION / 100000) + "." +
           std::to_string(BOOST_VERSION / 100 % 1000);
}

/// Retries what a signal interrupted; throws for errors.
template <class Call>
std::size_t system_call(const char* name, Call call) {
    for (;;) {
        const ssize_t result = call();
        if (result >= 0) return static_cast<std::size_t>(result);
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), name);
    }
}

/// A connected pair of Unix sockets.
class socket_pair {
public:
    explicit socket_pair(int type) {
        system_call("socketpair", [&] { return socketpair(AF_UNIX, type, 0, ends_); });
    }
    ~socket_pair() {
        for (const int end : ends_) close(end);
    }
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;
    int sending_end() const noexcept { return ends_[0]; }
    int receiving_end() const noexcept { return ends_[1]; }

private:
    int ends_[2];
};

/// Messages with their size in front, in one stream; the receiver reads as much as there is.
class stream_socket {
public:
    explicit stream_socket(std::size_t, std::size_t = 0) : sockets_(SOCK_STREAM) {}
    static std::string name() { return "Unix stream socket"; }
    static constexpr bool has_capacity = false;

    class sender {
    public:
        explicit sender(const stream_socket& s) : socket_(s.sockets_.sending_end()) {}
        void send(std::string_view message) {
            const auto size = static_cast<std::uint32_t>(message.size());
            framed_.assign(reinterpret_cast<const char*>(&size), sizeof size);
            framed_ += message;
            for (std::string_view left = framed_; !left.empty();)
                left.remove_prefix(system_call(
                    "send", [&] { return ::send(socket_, left.data(), left.size(), 0); }));
        }

    private:
        int socket_;
        std::string framed_;
    };

    class receiver {
    public:
        explicit receiver(const stream_socket& s) : socket_(s.sockets_.receiving_end()) {}
        std::string_view receive() {
            std::uint32_t size = 0;
            std::memcpy(&size, next_bytes(sizeof size).data(), sizeof size);
            return next_bytes(size);
        }

    private:
        std::string_view next_bytes(std::size_t count) {
            while (unread_.size() < count) read_more(count);
            const std::string_view bytes = unread_.substr(0, count);
            unread_.remove_prefix(count);
            return bytes;
        }
        void read_more(std::size_t wanted) {
            if (wanted > buffer_.size()) throw std::runtime_error("a message is too long");
            std::memmove(buffer_.data(), unread_.data(), unread_.size());
            const std::size_t had = unread_.size();
            const std::size_t got = system_call("recv", [&] {
                return recv(socket_, buffer_.data() + had, buffer_.size() - had, 0);
            });
            if (got == 0) throw std::runtime_error("the stream has ended");
            unread_ = {buffer_.data(), had + got};
        }

        int socket_;
        std::vector<char> buffer_ = std::vector<char>(8 * most_message_bytes);
        std::string_view unread_{buffer_.data(), 0};
    };

private:
    socket_pair sockets_;
};

/// One system call for each message, on either side.
class seqpacket_socket {
public:
    explicit seqpacket_socket(std::size_t, std::size_t = 0) : sockets_(SOCK_SEQPACKET) {}
    static std::string name() { return "Unix seqpacket socket"; }
    static constexpr bool has_capacity = false;

    class sender {
    public:
        explicit sender(const seqpacket_socket& s) : socket_(s.sockets_.sending_end()) {}
        void send(std::string_view message) {
            system_call("send", [&] { return ::send(socket_, message.data(), message.size(), 0); });
        }

    private:
        int socket_;
    };

    class receiver {
    public:
        explicit receiver(const seqpacket_socket& s) : socket_(s.sockets_.receiving_end()) {}
        std::string_view receive() {
            return {buffer_,
                    system_call("recv", [&] { return recv(socket_, buffer_, sizeof buffer_, 0); })};
        }

    private:
        int socket_;
        char buffer_[most_message_bytes];
    };

private:
    socket_pair sockets_;
};

/// A message queue in shared memory with a size in messages.
class boost_queue {
public:
    using message_queue = boost::interprocess::message_queue;

    explicit boost_queue(std::size_t capacity, std::size_t message_bytes)
        : name_("message_queue"),
          message_bytes_(message_bytes),
          queue_(boost::interprocess::create_only, name_.str().c_str(), capacity, message_bytes) {}
    static std::string name() { return "boost::interprocess::message_queue"; }
    static constexpr bool has_capacity = true;

    class sender {
    public:
        explicit sender(const boost_queue& q) : queue_(q.queue_), buffer_(q.message_bytes_) {}
        void send(std::string_view message) { queue_.send(message.data(), message.size(), 0); }
        /// As byte_ring's, but written to memory of the sender's own.
        template <class Fill>
        void put(Fill fill) {
            const std::size_t size = fill(buffer_.data(), buffer_.size());
            send({buffer_.data(), size});
        }

    private:
        message_queue& queue_;
        std::vector<char> buffer_;
    };

    class receiver {
    public:
        explicit receiver(const boost_queue& q) : queue_(q.queue_), buffer_(q.message_bytes_) {}
        std::string_view receive() {
            message_queue::size_type size = 0;
            unsigned priority = 0;
            queue_.receive(buffer_.data(), buffer_.size(), size, priority);
            return {buffer_.data(), size};
        }
        void release() noexcept {}

    private:
        message_queue& queue_;
        std::vector<char> buffer_;
    };

private:
    shm_name name_;
    std::size_t message_bytes_;
    mutable message_queue queue_;
};

}  // namespace valpool::bench
