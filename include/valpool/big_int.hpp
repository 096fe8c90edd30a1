#pragma once

#include <valpool/value/big_int.hpp>
