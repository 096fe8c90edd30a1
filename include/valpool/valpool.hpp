#pragma once

/// The umbrella header: includes all of valpool.

#include <valpool/array.hpp>
#include <valpool/big_int.hpp>
#include <valpool/boot.hpp>
#include <valpool/cbor.hpp>
#include <valpool/check_shm.hpp>
#include <valpool/circular_buffer.hpp>
#include <valpool/client_side.hpp>
#include <valpool/cq.hpp>
#include <valpool/error.hpp>
#include <valpool/it.hpp>
#include <valpool/json.hpp>
#include <valpool/key.hpp>
#include <valpool/lease.hpp>
#include <valpool/monitor.hpp>
#include <valpool/parse.hpp>
#include <valpool/pipe_counters.hpp>
#include <valpool/pool_check.hpp>
#include <valpool/print.hpp>
#include <valpool/proxy.hpp>
#include <valpool/server_side.hpp>
#include <valpool/shared_memory.hpp>
#include <valpool/shm_main.hpp>
#include <valpool/streaming_pool.hpp>
#include <valpool/stringize.hpp>
#include <valpool/tab.hpp>
#include <valpool/tap.hpp>
#include <valpool/thread.hpp>
#include <valpool/tup.hpp>
#include <valpool/types.hpp>
#include <valpool/upkeep.hpp>
#include <valpool/val.hpp>
#include <valpool/visit.hpp>
#include <valpool/wait_any.hpp>
#include <valpool/when_full.hpp>
