#pragma once

#include <valpool/monitor/monitor.hpp>
