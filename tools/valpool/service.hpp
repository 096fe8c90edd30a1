#pragma once

#include <string>

namespace tool {

/// Tells systemd how the service is doing, as sd_notify(3) does; nothing without systemd.
void tell_service_manager(const std::string& text) noexcept;

}  // namespace tool
