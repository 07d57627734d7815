/*
 * chan_frames.h - for the fuzz targets of the channel: the same bytes, read whole and in pieces,
 * are the same frames.
 */
#ifndef SLV_FUZZ_CHAN_FRAMES_H
#define SLV_FUZZ_CHAN_FRAMES_H

#include "chan/frame.h"

/* Reads in pieces of `piece` bytes; the number of frames, and whether they ended in an error. */
static size_t read_frames(slv_str bytes, size_t piece, slv_chan_side side,
                          void (*decode)(const slv_frame *f), bool *ret_bad)
{
    SLV_CLEANUP(slv_frame_reader_done) slv_frame_reader r;
    slv_code code = SLV_E_AGAIN;
    size_t count = 0;
    slv_frame f;

    slv_frame_reader_init(&r, side);
    while (bytes.len > 0 && code == SLV_E_AGAIN) {
        size_t n = SLV_MIN(bytes.len, piece), room;
        char *to;

        if (slv_frame_reader_room(&r, n, &to, &room) != SLV_OK)
            break;
        memcpy(to, bytes.ptr, n);
        slv_frame_reader_got(&r, n);
        bytes = slv_str_skip(bytes, n);
        while ((code = slv_frame_reader_next(&r, &f, NULL)) == SLV_OK) {
            decode(&f);
            count++;
        }
    }
    *ret_bad = code == SLV_E_PROTOCOL;
    return count;
}

/* What arrives from this side. */
static inline void frames_agree(slv_str bytes, slv_chan_side side,
                                void (*decode)(const slv_frame *f))
{
    bool bad, bad_again;

    if (bytes.len == 0)
        return;
    size_t count = read_frames(bytes, SIZE_MAX, side, decode, &bad);
    SLV_ASSERT(read_frames(bytes, 1 + (uint8_t)bytes.ptr[0] % 50, side, decode, &bad_again) ==
                   count &&
               bad == bad_again);
}

#endif
