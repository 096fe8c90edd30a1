#pragma once

#include <valpool/queue/when_full.hpp>

#include "queue/queue_core.hpp"

namespace valpool::detail {

/// Puts the packet in; if there is no room until the deadline, as the policy says. Returns whether
/// it is in the queue; `packet` is None then, and otherwise untouched. Throws as queue_core::put.
/// `number`: of a packet of a source; null: it has none.
bool put_with(queue_core& core, Val& packet, WhenFull policy, deadline until,
              const packet_number* number = nullptr);

}  // namespace valpool::detail
