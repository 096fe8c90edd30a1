#pragma once

#include <valpool/value/types.hpp>
