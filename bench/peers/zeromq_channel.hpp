#pragma once

/// A byte channel (see byte_channels.hpp) over ZeroMQ: PUSH and PULL over ipc.

#include <zmq.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include <unistd.h>

namespace valpool::bench {

/// A context with one socket, closed in the right order.
class zeromq_socket {
public:
    zeromq_socket(int type, int high_water_mark_option, std::size_t high_water_mark) {
        const int messages = static_cast<int>(high_water_mark);
        context_ = zmq_ctx_new();
        socket_ = zmq_socket(context_, type);
        expect(zmq_setsockopt(socket_, high_water_mark_option, &messages, sizeof messages) == 0);
    }
    ~zeromq_socket() {
        zmq_close(socket_);
        zmq_ctx_term(context_);
    }
    zeromq_socket(const zeromq_socket&) = delete;
    zeromq_socket& operator=(const zeromq_socket&) = delete;
    void* get() const noexcept { return socket_; }

    static void expect(bool is_well) {
        if (!is_well) throw std::runtime_error(std::string("ZeroMQ: ") + zmq_strerror(zmq_errno()));
    }

private:
    void* context_;
    void* socket_;
};

/// `capacity` is the high-water mark of both sides.
class zeromq_channel {
public:
    explicit zeromq_channel(std::size_t capacity, std::size_t = 0)
        : address_("ipc://@valpool_bench_" + std::to_string(getpid())), capacity_(capacity) {}
    static std::string name() {
        int major = 0, minor = 0, patch = 0;
        zmq_version(&major, &minor, &patch);
        return "ZeroMQ " + std::to_string(major) + "." + std::to_string(minor) + "." +
               std::to_string(patch) + " ipc://";
    }
    static constexpr bool has_capacity = true;

    class sender {
    public:
        explicit sender(const zeromq_channel& c) : socket_(ZMQ_PUSH, ZMQ_SNDHWM, c.capacity_) {
            zeromq_socket::expect(zmq_connect(socket_.get(), c.address_.c_str()) == 0);
        }
        void send(std::string_view message) {
            zeromq_socket::expect(zmq_send(socket_.get(), message.data(), message.size(), 0) >= 0);
        }

    private:
        zeromq_socket socket_;
    };

    class receiver {
    public:
        explicit receiver(const zeromq_channel& c) : socket_(ZMQ_PULL, ZMQ_RCVHWM, c.capacity_) {
            zeromq_socket::expect(zmq_bind(socket_.get(), c.address_.c_str()) == 0);
            zmq_msg_init(&message_);
        }
        ~receiver() { zmq_msg_close(&message_); }
        receiver(const receiver&) = delete;
        receiver& operator=(const receiver&) = delete;
        std::string_view receive() {
            zeromq_socket::expect(zmq_msg_recv(&message_, socket_.get(), 0) >= 0);
            return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
        }

    private:
        zeromq_socket socket_;
        zmq_msg_t message_;
    };

private:
    std::string address_;
    std::size_t capacity_;
};

}  // namespace valpool::bench
