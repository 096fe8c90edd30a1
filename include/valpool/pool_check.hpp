#pragma once

#include <valpool/monitor/pool_check.hpp>
