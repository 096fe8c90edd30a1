#pragma once

#include <valpool/value/val.hpp>
