#pragma once

#include <valpool/boot/server_side.hpp>
