#pragma once

#include <valpool/value/print.hpp>
