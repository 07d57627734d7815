/*
 * flow.h - the credit arithmetic of one direction of a stream or socket: pure, used by main and by
 * isolates.
 *
 * A stream that an isolate sends opens with a window of 256 KiB, and so does each direction of a
 * socket. A stream that main sends opens with none: the isolate's first CREDIT asks for its bytes,
 * and until then its number may be handed back to main (a splice). The sender spends credit on
 * payload bytes and waits without; the receiver grants what it consumed, gathered so that CREDIT
 * frames stay few. More than 16 MiB outstanding, or a byte over the window, is a violation
 * (SLV_E_PROTOCOL). An empty frame with FIN costs nothing; one without FIN is a violation.
 */
#ifndef SLV_CHAN_FLOW_H
#define SLV_CHAN_FLOW_H

#include "base/err.h"

#define SLV_FLOW_WINDOW ((uint32_t)256 * 1024)
#define SLV_FLOW_CREDIT_MAX ((uint32_t)16 << 20)

typedef struct slv_flow_out {
    uint32_t credit; /* bytes that may be sent now */
    bool ended;      /* FIN or FAIL was sent */
} slv_flow_out;

typedef struct slv_flow_in {
    uint32_t window;  /* bytes that the peer may still send */
    uint32_t pending; /* consumed and not yet granted */
    bool ended;       /* FIN or FAIL came */
    bool canceled;    /* CANCEL_READ was sent: bytes that still come are dropped */
} slv_flow_in;

/* window: SLV_FLOW_WINDOW, or 0 for a stream from main to an isolate. */
static inline slv_flow_out slv_flow_out_open(uint32_t window)
{
    return (slv_flow_out){window, false};
}
static inline slv_flow_in slv_flow_in_open(uint32_t window)
{
    return (slv_flow_in){window, 0, false, false};
}
/* Grants n bytes at once (the first CREDIT of a stream that opened with none). */
static inline void slv_flow_in_grant(slv_flow_in *in, uint32_t n)
{
    SLV_ASSERT(n <= SLV_FLOW_CREDIT_MAX - in->window);
    in->window += n;
}
/* How many of n bytes may be sent now; spends them. */
uint32_t slv_flow_out_spend(slv_flow_out *out, size_t n);
/* A CREDIT came. */
SLV_NODISCARD slv_code slv_flow_out_grant(slv_flow_out *out, uint32_t n);
/* n payload bytes came, fin with the last ones. SLV_E_PROTOCOL: over the window, or after the end.
 */
SLV_NODISCARD slv_code slv_flow_in_arrive(slv_flow_in *in, size_t n, bool fin);
/* n bytes were consumed. Returns what to send as CREDIT now: 0 until a quarter of the window has
 * gathered. */
uint32_t slv_flow_in_consume(slv_flow_in *in, size_t n);

#endif
