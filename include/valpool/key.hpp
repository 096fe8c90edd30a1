#pragma once

#include <valpool/value/key.hpp>
