#pragma once

#include <valpool/value/cbor.hpp>
