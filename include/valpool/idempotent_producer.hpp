#pragma once

#include <valpool/queue/idempotent_producer.hpp>
