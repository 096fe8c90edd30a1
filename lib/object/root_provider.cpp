#include "object/root_provider.hpp"

#include <atomic>

namespace valpool::detail {

namespace {

class no_roots final : public root_provider {
public:
    void repair_lane(arena&, std::uint32_t) noexcept override {}
    void settle(arena&, const slot_set&) noexcept override {}
    void visit_roots(arena&, reference_visitor&) noexcept override {}
    void settle_box(arena&, box&, const slot_set&) noexcept override {}
    void visit_box(arena&, box&, reference_visitor&) noexcept override {}
    void remove_unheld(arena&, lane_heap&) noexcept override {}
    std::uint32_t rouse_sleepers(thread_lane&) noexcept override { return 0; }
};
constinit no_roots none;
constinit std::atomic<root_provider*> the_provider{&none};

}  // namespace

void set_root_provider(root_provider& provider) noexcept {
    the_provider.store(&provider, std::memory_order_release);
}

root_provider& roots() noexcept { return *the_provider.load(std::memory_order_acquire); }

}  // namespace valpool::detail
