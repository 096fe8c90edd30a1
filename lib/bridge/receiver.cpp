#include "bridge/receiver.hpp"

#include <valpool/cbor.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace valpool::bridge {
namespace {

using namespace std::chrono_literals;

/// How many sources have a place of their own at the same time. A pipe has 32, for all its bridges.
constexpr std::size_t most_sources = 16;
constexpr double look_s = 0.2;  // how long a wait for room lasts before is_over is asked

}  // namespace

receiver::receiver(CQ& pipe, inlet& from, receiver_options options)
    : pipe_(pipe), from_(from), options_(options), interruptions_(from.interruptions()) {}
receiver::~receiver() = default;

receiver_status receiver::status() const {
    const std::lock_guard guard(mutex_);
    receiver_status s = status_;
    if (waits_since_)
        s.waiting_s = std::chrono::duration<double>(clock::now() - *waits_since_).count();
    return s;
}

void receiver::run(const std::function<bool()>& is_over) {
    while (!is_over()) {
        arrivals all = from_.receive(200ms);
        // Before the first of them is handled: after an interruption all parts come again.
        if (const std::uint64_t now = from_.interruptions(); now != interruptions_) {
            forget_partial_packets();
            interruptions_ = now;
        }
        for (auto& a : all) {
            if (is_over()) return;
            handle(std::move(a), is_over);
        }
    }
}

void receiver::forget_partial_packets() {
    for (source& s : sources_) s.partial = {};
}

void receiver::handle(std::unique_ptr<arrival> a, const std::function<bool()>& is_over) {
    note([&](receiver_status& s) {
        ++s.received;
        s.bytes += a->bytes().size();
    });
    std::string_view rest = a->bytes();
    do {
        message m;
        try {
            m = take_message(rest);
        } catch (const std::runtime_error& e) {
            note([&](receiver_status& s) {
                ++s.refused;
                s.trouble = e.what();
            });
            break;
        }
        if (m.header.parts != 1) return handle_part(std::move(a), m, is_over);
        if (!handle_whole(m, is_over)) return;
    } while (!rest.empty());
    a->done();
}

/// Its source if it is the packet's turn, else null.
receiver::source* receiver::source_whose_turn_it_is(const message_header& h) {
    source& s = source_named(h.source);
    switch (judge(s, h)) {
        case verdict::duplicate: note([](receiver_status& st) { ++st.duplicates; }); return nullptr;
        case verdict::out_of_turn:
            note([](receiver_status& st) { ++st.out_of_turn; });
            return nullptr;
        case verdict::next:
        case verdict::late: break;
    }
    return &s;
}

/// False when is_over() came before the packet had had its turn.
bool receiver::handle_whole(const message& m, const std::function<bool()>& is_over) {
    source* const s = source_whose_turn_it_is(m.header);
    if (!s) return true;
    give_up(s->partial);
    return deliver(*s, m.header, m.payload, is_over);
}

void receiver::handle_part(std::unique_ptr<arrival> a, const message& m,
                           const std::function<bool()>& is_over) {
    source* const s = source_whose_turn_it_is(m.header);
    if (!s) return a->done();
    if (!collect(*s, std::move(a), m)) return;
    partial_packet whole = std::exchange(s->partial, {});
    if (!deliver(*s, m.header, whole.bytes, is_over)) return;
    for (const auto& part : whole.parts) part->done();
}

/// The engine keeps the order in which it got the messages. So a message whose predecessor is
/// missing came before the sender learned that the engine had refused that one: the sender repeats
/// both. Unless the engine had confirmed the predecessor: then it has lost it.
receiver::verdict receiver::judge(const source& s, const message_header& h) {
    if (h.is_late) return verdict::late;
    const std::uint64_t last = s.producer.last();
    if (h.number <= last) return verdict::duplicate;
    // A new pool, or a source that the pipe has forgotten: what comes first is the beginning.
    if (last == 0) return verdict::next;
    if (h.previous > std::max(last, h.confirmed)) return verdict::out_of_turn;
    if (h.previous > last && h.part == 0)
        note([&](receiver_status& st) {
            ++st.lost;
            st.trouble = "the engine has lost packets that it had confirmed, from number " +
                         std::to_string(last + 1) + " to " + std::to_string(h.previous);
        });
    return verdict::next;
}

receiver::source& receiver::source_named(std::string_view name) {
    const auto is_it = [&](const source& s) { return s.name == name; };
    if (const auto i = std::find_if(sources_.begin(), sources_.end(), is_it); i != sources_.end()) {
        sources_.splice(sources_.begin(), sources_, i);
        return sources_.front();
    }
    if (sources_.size() == most_sources) {
        give_up(sources_.back().partial);
        sources_.pop_back();
    }
    const std::string text(name);
    sources_.push_front({text, IdempotentProducer(pipe_, text), {}});
    return sources_.front();
}

/// Its sender has begun anew, or has died.
void receiver::give_up(partial_packet& p) {
    for (const auto& part : p.parts) part->done();
    p = {};
}

/// Adds a part to its packet. True when that was the last one.
bool receiver::collect(source& s, std::unique_ptr<arrival> a, const message& m) {
    partial_packet& p = s.partial;
    if (m.header.packet_bytes > options_.limits.size_bytes) {
        refuse(s, m.header, "a packet of " + std::to_string(m.header.packet_bytes) + " bytes");
        a->done();
        return false;
    }
    if (m.header.part == 0) {
        give_up(p);
        p.number = m.header.number;
    }
    const bool fits = m.header.number == p.number && m.header.part == p.next_part &&
                      p.bytes.size() + m.payload.size() <= m.header.packet_bytes;
    if (!fits) {
        note([](receiver_status& st) { ++st.out_of_turn; });
        a->done();
        return false;
    }
    p.bytes += m.payload;
    ++p.next_part;
    p.parts.push_back(std::move(a));
    if (p.next_part < m.header.parts) return false;
    if (p.bytes.size() == m.header.packet_bytes) return true;
    refuse(s, m.header, "a packet whose parts are not all of it");
    give_up(p);
    return false;
}

/// False when is_over() came before the packet had had its turn.
bool receiver::deliver(source& s, const message_header& h, std::string_view bytes,
                       const std::function<bool()>& is_over) {
    Val packet;
    try {
        packet = from_cbor(bytes, options_.limits);
    } catch (const std::logic_error& e) {
        refuse(s, h, e.what());
        return true;
    }
    const bool has_had_its_turn = put_patiently(s, h, packet, is_over);
    note([&](receiver_status&) { waits_since_.reset(); });
    return has_had_its_turn;
}

bool receiver::put_patiently(source& s, const message_header& h, const Val& packet,
                             const std::function<bool()>& is_over) {
    const bool waits = options_.when_full == WhenFull::Wait;
    do {
        std::string trouble;
        try {
            const bool is_in = put(s, h, packet);
            if (is_in || !waits) {
                note([&](receiver_status& st) { ++(is_in ? st.delivered : st.dropped); });
                return true;
            }
        } catch (const PoolExhausted& e) {
            if (!waits) {
                refuse(s, h, e.what());
                return true;
            }
            trouble = e.what();
            std::this_thread::sleep_for(50ms);
        }
        note([&](receiver_status& st) {
            if (!waits_since_) waits_since_ = clock::now();
            if (!trouble.empty()) st.trouble = trouble;
        });
    } while (!is_over());
    return false;
}

bool receiver::put(source& s, const message_header& h, const Val& packet) {
    const WhenFull policy = options_.when_full;
    const double timeout_s = policy == WhenFull::Wait ? look_s : 0.0;
    if (h.is_late) return pipe_.enqueue(packet, policy, timeout_s);
    return s.producer.enqueue(packet, h.number, policy, timeout_s);
}

/// The packet has had its turn, without coming in.
void receiver::refuse(source& s, const message_header& h, const std::string& why) {
    if (!h.is_late) s.producer.skip(h.number);
    note([&](receiver_status& st) {
        ++st.refused;
        st.trouble = "refused: " + why;
    });
}

}  // namespace valpool::bridge
