#include "chan/flow.h"

/* Consumed bytes gather up to this before they are granted, so that CREDIT frames stay few. */
#define GRANT_MIN (SLV_FLOW_WINDOW / 4)

uint32_t slv_flow_out_spend(slv_flow_out *out, size_t n)
{
    uint32_t taken = n < out->credit ? (uint32_t)n : out->credit;

    out->credit -= taken;
    return taken;
}

slv_code slv_flow_out_grant(slv_flow_out *out, uint32_t n)
{
    if (n == 0 || n > SLV_FLOW_CREDIT_MAX - out->credit)
        return SLV_E_PROTOCOL;
    out->credit += n;
    return SLV_OK;
}

slv_code slv_flow_in_arrive(slv_flow_in *in, size_t n, bool fin)
{
    if (in->ended || n > in->window || (n == 0 && !fin))
        return SLV_E_PROTOCOL;
    in->window -= (uint32_t)n;
    in->ended = fin;
    return SLV_OK;
}

uint32_t slv_flow_in_consume(slv_flow_in *in, size_t n)
{
    SLV_ASSERT(n <= SLV_FLOW_CREDIT_MAX - in->window - in->pending);
    in->pending += (uint32_t)n;
    if (in->ended || in->canceled || in->pending < GRANT_MIN)
        return 0;
    uint32_t grant = in->pending;
    in->pending = 0;
    in->window += grant;
    return grant;
}
