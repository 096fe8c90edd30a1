#pragma once

#include <valpool/boot/boot.hpp>
