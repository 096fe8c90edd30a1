#pragma once

#include <valpool/value/it.hpp>
