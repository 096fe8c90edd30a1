#pragma once

#include <valpool/boot/upkeep.hpp>
