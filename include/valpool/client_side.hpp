#pragma once

#include <valpool/boot/client_side.hpp>
