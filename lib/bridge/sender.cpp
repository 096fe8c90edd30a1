#include "bridge/sender.hpp"

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
/// Packets of together so many bytes go as one message, if there are several.
constexpr std::size_t most_bytes_together = std::size_t{64} << 10U;

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
      burst_(limits.most_packets),
      pace_(limits.most_bytes) {}

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
                can_send = can_send_now();
                can_take = !can_send && sent_count_ == window_.size() && has_room();
                is_idle = window_.empty();
                if (!can_send && !can_take) changed_.wait_for(guard, 5ms);
            }
            if (can_send)
                send_next();
            else if (can_take && !take_some(is_idle ? take_timeout_s : take_timeout_s / 10))
                continue;
        }
    }
}

bool sender::has_room() const {
    return window_.size() < std::min(limits_.most_packets, burst_) &&
           (window_.empty() || bytes_in_window_ < limits_.most_bytes);
}

/// Takes a packet, and those small ones that are there already.
bool sender::take_some(double timeout_s) {
    std::size_t bytes = 0;
    if (!take_one(timeout_s, bytes)) return false;
    for (std::size_t n = 1; n < limits_.most_packets_a_message && bytes < most_bytes_together;
         ++n) {
        {
            const std::lock_guard guard(mutex_);
            if (!has_room()) break;
        }
        if (!take_one(0.0, bytes)) break;
    }
    return true;
}

/// Takes a packet into the window, encoded; adds its bytes.
bool sender::take_one(double timeout_s, std::size_t& bytes) {
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
    bytes += f.bytes.size();
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

/// How many packets of the window are the next message, or, if it is one in parts, messages. With
/// the mutex.
std::size_t sender::next_count() const {
    const std::size_t end =
        std::min({window_.size(), burst_, sent_count_ + limits_.most_packets_a_message});
    const std::size_t most_bytes = std::min(most_bytes_together, outlet_->limits().message_bytes);
    std::size_t bytes = 0;
    std::size_t i = sent_count_;
    for (; i < end; ++i) {
        const flight& f = window_[i];
        bytes += f.bytes.size();
        // What is late might come twice if it were repeated with others.
        if (f.parts != 1 || f.is_late || bytes > most_bytes) break;
    }
    return std::max<std::size_t>(i - sent_count_, sent_count_ < end ? 1 : 0);
}

/// Whether a packet has been begun that has more parts. With the mutex.
bool sender::has_part_to_send() const {
    if (sent_count_ == 0) return false;
    const flight& f = window_[sent_count_ - 1];
    return f.sent_parts < f.parts;
}

bool sender::can_send_now() const {
    if (must_go_back_ || clock::now() < resume_at_) return false;
    return has_part_to_send() || sent_count_ < std::min(window_.size(), burst_);
}

/// These packets of the window are under way from now on, with one part. With the mutex.
void sender::begin_next(std::size_t count) {
    const auto now = clock::now();
    const std::uint64_t ticket = next_ticket_;
    for (; count != 0; --count) {
        flight& f = window_[sent_count_++];
        sending_.push_back(&f);
        f.first_ticket = ticket;
        next_ticket_ = ticket + f.parts;
        f.sent_parts = 1;
        f.confirmed_parts = 0;
        bytes_under_way_ += part_bytes(f, 0);
        const bool is_first = f.sent_at == clock::time_point();
        ++(is_first ? status_.sent : status_.repeated);
        if (is_first) status_.bytes += body_bytes(f);
        f.sent_at = now;
    }
}

/// Sends the next packets of the window that are not under way, or the next part of one that is.
void sender::send_next() {
    std::uint64_t ticket = 0;
    std::uint64_t confirmed_number = 0;
    std::uint32_t part = 0;
    sending_.clear();
    {
        std::unique_lock guard(mutex_);
        if (bytes_under_way_ >= pace_.bytes()) {
            pace_.holds_up();
            changed_.wait_for(guard, 5ms);
            return;
        }
        confirmed_number = confirmed_number_;
        if (has_part_to_send()) {
            flight& f = window_[sent_count_ - 1];
            part = f.sent_parts++;
            bytes_under_way_ += part_bytes(f, part);
            sending_.push_back(&f);
        } else {
            begin_next(next_count());
        }
        if (sending_.empty()) return;
        ticket = sending_[0]->first_ticket + part;
    }
    // The packets stay where they are: they leave the front only once they are confirmed.
    try {
        if (sending_.size() == 1)
            send_part(*sending_[0], part, confirmed_number);
        else
            send_together(ticket, confirmed_number);
    } catch (const transport_error& e) {
        const std::lock_guard guard(mutex_);
        if (ticket >= oldest_valid_ticket_) go_back(e.what());
    }
}

message_header sender::header_of(const flight& f, std::uint64_t confirmed_number) const {
    return {.source = name_,
            .number = f.packet.number,
            .previous = f.is_late ? 0 : f.previous,
            .confirmed = confirmed_number,
            .packet_bytes = body_bytes(f),
            .parts = f.parts,
            .is_late = f.is_late};
}

void sender::send_part(const flight& f, std::uint32_t part, std::uint64_t confirmed_number) {
    const std::size_t most = most_body_bytes();
    const std::string_view body = std::string_view(f.bytes).substr(header_bytes_);
    message_header header = header_of(f, confirmed_number);
    header.part = part;
    outlet_->send(f.first_ticket + part, encoded(header), body.substr(part * most, most));
}

std::uint64_t sender::part_bytes(const flight& f, std::uint64_t part) const {
    const std::uint64_t most = most_body_bytes();
    return std::min(most, body_bytes(f) - part * most);
}

void sender::send_together(std::uint64_t ticket, std::uint64_t confirmed_number) {
    together_.clear();
    for (const flight* const f : sending_) {
        append_header(header_of(*f, confirmed_number), together_);
        together_.append(f->bytes, header_bytes_);
    }
    outlet_->send(ticket, together_, {});
}

// --- what the engine says ----------------------------------------------------------------------

/// The packets under way that the ticket belongs to; none: it is of a sending that was given up.
sender::flights sender::flights_of(std::uint64_t ticket) {
    const auto begin = window_.begin();
    if (ticket < oldest_valid_ticket_) return {begin, begin};
    const auto under_way = begin + static_cast<std::ptrdiff_t>(sent_count_);
    const auto end =
        std::upper_bound(begin, under_way, ticket,
                         [](std::uint64_t t, const flight& f) { return t < f.first_ticket; });
    auto first = end;
    while (first != begin && (first - 1)->first_ticket == (end - 1)->first_ticket) --first;
    return {first, end};
}

void sender::confirmed(std::uint64_t ticket) {
    std::unique_lock guard(mutex_);
    if (must_go_back_) return;
    const auto [first, end] = flights_of(ticket);
    if (first == end) return;
    const auto now = clock::now();
    std::uint64_t bytes = 0;
    std::size_t whole_ones = 0;
    for (auto f = first; f != end; ++f) {
        bytes += part_bytes(*f, f->parts == 1 ? 0 : ticket - f->first_ticket);
        if (++f->confirmed_parts == f->parts) ++whole_ones;
    }
    if (first == window_.begin()) progress_at_ = now;
    const double took_s = std::chrono::duration<double>(now - first->sent_at).count();
    if (whole_ones != 0) status_.round_trip_s += (took_s - status_.round_trip_s) / 16;
    bytes_under_way_ -= std::min(bytes_under_way_, bytes);
    pace_.came_through(bytes, now);
    burst_ = std::min(burst_ + whole_ones, limits_.most_packets);
    pause_ = 0ms;
    retire_confirmed(guard);
}

/// Ends the leases of what is confirmed, from the oldest one: a packet behind one that was refused
/// is repeated, too.
void sender::retire_confirmed(std::unique_lock<std::mutex>& guard) {
    std::vector<taken_packet> done;
    while (sent_count_ != 0 && window_.front().confirmed_parts == window_.front().parts) {
        done.push_back(std::move(window_.front().packet));
        bytes_in_window_ -= window_.front().bytes.size();
        confirmed_number_ = std::max(confirmed_number_, done.back().number);
        window_.pop_front();
        --sent_count_;
    }
    changed_.notify_all();
    if (done.empty()) return;
    status_.confirmed += done.size();
    guard.unlock();
    for (taken_packet& packet : done)
        if (packet.lease) packet.lease.ack();
    guard.lock();
}

void sender::refused(std::uint64_t ticket, const std::string& why) {
    const std::lock_guard guard(mutex_);
    ++status_.refused;
    const auto [first, end] = flights_of(ticket);
    if (first != end) go_back(why);
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
    // A large packet takes its time: what counts is that the oldest one gets on.
    if (!must_go_back_ && sent_count_ != 0 &&
        now - std::max(window_.front().sent_at, progress_at_) > limits_.patience)
        go_back("no confirmation has come");
    if (!must_go_back_) return;
    must_go_back_ = false;
    sent_count_ = 0;
    bytes_under_way_ = 0;
    pace_.was_interrupted();
    burst_ = std::max<std::size_t>(1, std::min(burst_, limits_.most_packets) / 8);
    pause_ = std::clamp(2 * pause_, shortest_pause, longest_pause);
    resume_at_ = now + pause_;
}

}  // namespace valpool::bridge
