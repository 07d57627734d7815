/*
 * clock.h - the system's clocks. Any thread. Only the outermost layers call these; libraries take
 * times as arguments.
 */
#ifndef SLV_BASE_CLOCK_H
#define SLV_BASE_CLOCK_H

#include <stdint.h>

int64_t slv_clock_wall_ms(void); /* milliseconds since the epoch */
uint64_t slv_clock_mono_ns(void);
uint64_t slv_clock_thread_cpu_ns(void);

#endif
