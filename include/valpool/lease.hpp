#pragma once

#include <valpool/queue/lease.hpp>
