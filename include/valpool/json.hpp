#pragma once

#include <valpool/value/json.hpp>
