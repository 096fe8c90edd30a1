#include "bridge/sender.hpp"

#include "bridge/message.hpp"

#include <valpool/cbor.hpp>
#include <valpool/proxy.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace valpool::bridge {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds shortest_pause = 20ms;
constexpr std::chrono::milliseconds longest_pause = 1000ms;
constexpr double take_timeout_s = 0.05;

class leased_packets final : public packet_source {
public:
    explicit leased_packets(CQ& pipe) : pipe_(pipe) {}
    bool take(double timeout_s, taken_packet& out) override {
        Lease lease = pipe_.lease(timeout_s);
        if (!lease) return false;
        out.value = lease.value();
        out.number = lease.sequence() + 1;
        out.lease = std::move(lease);
        return true;
    }

private:
    CQ& pipe_;
};

class tapped_packets final : public packet_source {
public:
    explicit tapped_packets(Tap tap) : tap_(std::move(tap)) {}
    bool take(double timeout_s, taken_packet& out) override {
        if (!tap_.next(timeout_s, out.value)) return false;
        out.number = ++count_;
        missed_ = tap_.missed();
        return true;
    }
    std::uint64_t missed() const override { return missed_; }

private:
    Tap tap_;
    std::uint64_t count_ = 0;
    std::atomic<std::uint64_t> missed_{0};
};

/// Appends the packet as CBOR. A producer may still be changing it.
void append_packet(const Val& value, std::string& to) {
    std::optional<TransactionLock> lock;
    if (value.isproxy) lock.emplace(value);
    to_cbor(value, to);
}

}  // namespace

std::unique_ptr<packet_source> packets_of(CQ& pipe) {
    return std::make_unique<leased_packets>(pipe);
}
std::unique_ptr<packet_source> copies_of(Tap tap) {
    return std::make_unique<tapped_packets>(std::move(tap));
}

sender::sender(packet_source& packets, std::string name, const outlet_maker& make_outlet,
               sender_limits limits)
    : packets_(packets),
      name_(std::move(name)),
      limits_(limits),
      header_bytes_(encoded({.source = name_}).size()),
      outlet_(make_outlet(*this)),
      burst_(limits.most_packets) {}

sender::~sender() {
    // First, because its threads call this object.
    outlet_.reset();
}

sender_status sender::status() const {
    const std::lock_guard guard(mutex_);
    sender_status s = status_;
    s.in_flight = sent_count_;
    s.missed = packets_.missed();
    if (!window_.empty())
        s.waiting_s = std::chrono::duration<double>(clock::now() - progress_at_).count();
    return s;
}

// --- the loop ----------------------------------------------------------------------------------

void sender::run(const std::function<bool()>& is_over) {
    for (auto asked = clock::now(); !is_over();) {
        for (const auto next = asked + 50ms; asked < next; asked = clock::now()) {
            go_back_if_due();
            bool can_send = false;
            bool can_take = false;
            bool is_idle = false;
            {
                std::unique_lock guard(mutex_);
                can_send = !must_go_back_ && sent_count_ < std::min(window_.size(), burst_) &&
                           clock::now() >= resume_at_;
                can_take = !can_send && sent_count_ == window_.size() && has_room();
                is_idle = window_.empty();
                if (!can_send && !can_take) changed_.wait_for(guard, 5ms);
            }
            if (can_send)
                send_next();
            else if (can_take && !take_one(is_idle ? take_timeout_s : take_timeout_s / 10))
                continue;
        }
    }
}

bool sender::has_room() const {
    return window_.size() < std::min(limits_.most_packets, burst_) &&
           (window_.empty() || bytes_in_window_ < limits_.most_bytes);
}

/// Takes a packet into the window, encoded.
bool sender::take_one(double timeout_s) {
    taken_packet packet;
    if (!packets_.take(timeout_s, packet)) return false;
    flight f;
    try {
        f.bytes.resize(header_bytes_);
        append_packet(packet.value, f.bytes);
    } catch (const PoisonedError& e) {
        give_up(packet, e.what());
        return true;
    }
    packet.value.reset();
    const std::size_t most = most_body_bytes();
    const std::size_t parts = (body_bytes(f) + most - 1) / most;
    const outlet_limits limits = outlet_->limits();
    if (parts > limits.packet_messages || body_bytes(f) > limits.packet_bytes) {
        give_up(packet, "a packet of " + std::to_string(body_bytes(f)) +
                            " bytes is larger than the engine may ever keep");
        return true;
    }
    f.parts = static_cast<std::uint32_t>(parts);
    f.packet = std::move(packet);
    const std::lock_guard guard(mutex_);
    f.is_late = f.packet.number <= last_number_;
    f.previous = last_number_;
    last_number_ = std::max(last_number_, f.packet.number);
    bytes_in_window_ += f.bytes.size();
    if (window_.empty()) progress_at_ = clock::now();
    window_.push_back(std::move(f));
    return true;
}

/// It would keep all that come after it.
void sender::give_up(taken_packet& packet, const std::string& why) {
    if (packet.lease) packet.lease.ack();
    const std::lock_guard guard(mutex_);
    ++status_.given_up;
    status_.trouble = why;
}

std::size_t sender::most_body_bytes() const {
    return outlet_->limits().message_bytes - header_bytes_;
}

/// Sends the next packet of the window that is not under way.
void sender::send_next() {
    flight* f = nullptr;
    std::uint64_t ticket = 0;
    {
        const std::lock_guard guard(mutex_);
        if (sent_count_ == window_.size()) return;
        f = &window_[sent_count_++];
        ticket = f->first_ticket = next_ticket_;
        next_ticket_ += f->parts;
        f->confirmed_parts = 0;
        const bool is_first = f->sent_at == clock::time_point();
        ++(is_first ? status_.sent : status_.repeated);
        if (is_first) status_.bytes += body_bytes(*f);
        f->sent_at = clock::now();
    }
    // The packet stays where it is: it is at the front only once all its parts are confirmed.
    try {
        send_parts(*f, ticket);
    } catch (const transport_error& e) {
        const std::lock_guard guard(mutex_);
        if (ticket >= oldest_valid_ticket_) go_back(e.what());
    }
}

void sender::send_parts(flight& f, std::uint64_t first_ticket) {
    const std::size_t most = most_body_bytes();
    const std::uint64_t size = body_bytes(f);
    message_header header{.source = name_,
                          .number = f.packet.number,
                          .previous = f.is_late ? 0 : f.previous,
                          .packet_bytes = size,
                          .parts = f.parts,
                          .is_late = f.is_late};
    {
        const std::lock_guard guard(mutex_);
        header.confirmed = confirmed_number_;
    }
    const std::string_view body = std::string_view(f.bytes).substr(header_bytes_);
    const std::uint32_t parts = f.parts;  // once the last part is confirmed, `f` may be gone
    for (std::uint32_t i = 0; i < parts; ++i) {
        header.part = i;
        outlet_->send(first_ticket + i, encoded(header), body.substr(i * most, most));
    }
}

// --- what the engine says ----------------------------------------------------------------------

/// The packet under way that the ticket belongs to; null: it is of a sending that was given up.
sender::flight* sender::flight_of(std::uint64_t ticket) {
    if (ticket < oldest_valid_ticket_) return nullptr;
    const auto end = window_.begin() + static_cast<std::ptrdiff_t>(sent_count_);
    const auto behind =
        std::upper_bound(window_.begin(), end, ticket,
                         [](std::uint64_t t, const flight& f) { return t < f.first_ticket; });
    return behind == window_.begin() ? nullptr : &*(behind - 1);
}

void sender::confirmed(std::uint64_t ticket) {
    std::unique_lock guard(mutex_);
    flight* const f = flight_of(ticket);
    if (!f || must_go_back_) return;
    if (++f->confirmed_parts < f->parts) return;
    const double took = std::chrono::duration<double>(clock::now() - f->sent_at).count();
    status_.round_trip_s += (took - status_.round_trip_s) / 16;
    burst_ = std::min(burst_ + 1, limits_.most_packets);
    pause_ = 0ms;
    retire_confirmed(guard);
}

/// Ends the leases of what is confirmed, from the oldest one: a packet behind one that was refused
/// is repeated, too.
void sender::retire_confirmed(std::unique_lock<std::mutex>& guard) {
    while (sent_count_ != 0 && window_.front().confirmed_parts == window_.front().parts) {
        taken_packet packet = std::move(window_.front().packet);
        bytes_in_window_ -= window_.front().bytes.size();
        confirmed_number_ = std::max(confirmed_number_, packet.number);
        window_.pop_front();
        --sent_count_;
        ++status_.confirmed;
        progress_at_ = clock::now();
        guard.unlock();
        if (packet.lease) packet.lease.ack();
        guard.lock();
    }
    changed_.notify_all();
}

void sender::refused(std::uint64_t ticket, const std::string& why) {
    const std::lock_guard guard(mutex_);
    ++status_.refused;
    if (flight_of(ticket)) go_back(why);
}

void sender::reconnected() {
    const std::lock_guard guard(mutex_);
    if (sent_count_ != 0) go_back("the connection was lost");
}

/// From now on, what is under way counts for nothing. With the mutex.
void sender::go_back(const std::string& why) {
    must_go_back_ = true;
    oldest_valid_ticket_ = next_ticket_;
    status_.trouble = why;
    changed_.notify_all();
}

void sender::go_back_if_due() {
    const std::lock_guard guard(mutex_);
    const auto now = clock::now();
    if (!must_go_back_ && sent_count_ != 0 && now - window_.front().sent_at > limits_.patience)
        go_back("no confirmation has come");
    if (!must_go_back_) return;
    must_go_back_ = false;
    sent_count_ = 0;
    burst_ = std::max<std::size_t>(1, std::min(burst_, limits_.most_packets) / 8);
    pause_ = std::clamp(2 * pause_, shortest_pause, longest_pause);
    resume_at_ = now + pause_;
}

}  // namespace valpool::bridge
