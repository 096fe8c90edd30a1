#pragma once

#include <valpool/boot/tap.hpp>
