#include <valpool/queue/lease.hpp>

#include "queue/queue_core.hpp"

#include <stdexcept>
#include <utility>

namespace valpool {
namespace {

detail::leased_packet& packet_in(const std::unique_ptr<detail::leased_packet>& p) {
    if (!p) throw std::logic_error("a lease without a packet: test it before it is used");
    return *p;
}

}  // namespace

Lease::Lease() noexcept = default;
Lease::Lease(std::unique_ptr<detail::leased_packet> packet) noexcept : packet_(std::move(packet)) {}
Lease::~Lease() = default;
Lease::Lease(Lease&& other) noexcept = default;
Lease& Lease::operator=(Lease&& other) noexcept = default;

const Val& Lease::value() const { return packet_in(packet_).value(); }
unsigned Lease::deliveries() const { return packet_in(packet_).deliveries(); }
std::uint64_t Lease::sequence() const { return packet_in(packet_).sequence(); }
bool Lease::ack() { return packet_in(packet_).ack(); }
void Lease::give_back() { packet_in(packet_).give_back(); }

}  // namespace valpool
