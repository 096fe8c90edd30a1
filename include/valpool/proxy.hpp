#pragma once

#include <valpool/value/proxy.hpp>
