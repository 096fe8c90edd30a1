#pragma once

#include <valpool/boot/shm_main.hpp>
