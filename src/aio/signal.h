/*
 * signal.h - signals of the process delivered on a loop. Loop thread only. Several loops may watch
 * one signal.
 */
#ifndef SLV_AIO_SIGNAL_H
#define SLV_AIO_SIGNAL_H

#include "aio/loop.h"

typedef struct slv_signal_handle slv_signal_handle;

typedef struct slv_signal {
    void (*fn)(struct slv_signal *sig, int number);
    slv_signal_handle *handle; /* NULL: stopped */
} slv_signal;

SLV_NODISCARD slv_code slv_signal_start(slv_signal *sig, slv_loop *loop, int number, slv_err *err);
/* Synchronous; nothing when stopped. */
void slv_signal_stop(slv_signal *sig);

#endif
