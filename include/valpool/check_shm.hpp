#pragma once

#include <valpool/value/check_shm.hpp>
