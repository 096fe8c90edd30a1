#pragma once

#include <valpool/value/tup.hpp>
