#include "store/wal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool read_at(int fd, void *out, size_t len, uint64_t at)
{
    return fd >= 0 && pread(fd, out, len, (off_t)at) == (ssize_t)len;
}

static void checksum(bool big, const uint8_t *p, size_t len, uint32_t sum[2])
{
    for (size_t i = 0; i < len; i += 8) {
        uint32_t a, b;

        if (big) {
            a = be32(p + i);
            b = be32(p + i + 4);
        } else {
            memcpy(&a, p + i, 4); /* little-endian machines only */
            memcpy(&b, p + i + 4, 4);
        }
        sum[0] += a + sum[1];
        sum[1] += b + sum[0];
    }
}

static bool take_head(const uint8_t bytes[static SLV_WAL_HEADER], slv_wal_head *ret)
{
    uint32_t magic = be32(bytes);

    if ((magic & ~1u) != 0x377f0682u)
        return false;
    *ret = (slv_wal_head){.page = be32(bytes + 8), .big = magic & 1};
    if (ret->page < 512 || ret->page > SLV_WAL_PAGE_MAX || (ret->page & (ret->page - 1)))
        return false;
    checksum(ret->big, bytes, 24, ret->sum);
    memcpy(ret->salt, bytes + 16, sizeof ret->salt);
    return ret->sum[0] == be32(bytes + 24) && ret->sum[1] == be32(bytes + 28);
}

bool slv_wal_head_read(int fd, slv_wal_head *ret)
{
    uint8_t bytes[SLV_WAL_HEADER];

    return read_at(fd, bytes, sizeof bytes, 0) && take_head(bytes, ret);
}

bool slv_wal_follows(const slv_wal_head *before, const slv_wal_head *next)
{
    return be32(next->salt) == be32(before->salt) + 1;
}

/* As read_at, but knows a file that is too short from one that cannot be read. */
static bool read_log(slv_wal_reader *r, void *out, size_t len, uint64_t at)
{
    ssize_t n = r->fd >= 0 ? pread(r->fd, out, len, (off_t)at) : 0;

    r->failed = n < 0;
    return n == (ssize_t)len;
}

bool slv_wal_begin(slv_wal_reader *r, int fd)
{
    uint8_t bytes[SLV_WAL_HEADER];

    r->fd = fd;
    r->at = 0;
    if (!read_log(r, bytes, sizeof bytes, 0) || !take_head(bytes, &r->head))
        return false;
    memcpy(r->sum, r->head.sum, sizeof r->sum);
    return true;
}

uint64_t slv_wal_frame_at(uint32_t page, uint32_t frame)
{
    return SLV_WAL_HEADER + (uint64_t)frame * (SLV_WAL_FRAME_HEADER + page);
}

bool slv_wal_next(slv_wal_reader *r)
{
    uint32_t sum[2] = {r->sum[0], r->sum[1]}, page = r->head.page;

    if (!read_log(r, r->frame, SLV_WAL_FRAME_HEADER + page, slv_wal_frame_at(page, r->at)) ||
        memcmp(r->frame + 8, r->head.salt, sizeof r->head.salt) != 0)
        return false;
    checksum(r->head.big, r->frame, 8, sum);
    checksum(r->head.big, r->frame + SLV_WAL_FRAME_HEADER, page, sum);
    if (sum[0] != be32(r->frame + 16) || sum[1] != be32(r->frame + 20))
        return false;
    memcpy(r->sum, sum, sizeof r->sum);
    r->at++;
    return true;
}

uint32_t slv_wal_commit(const slv_wal_reader *r)
{
    return be32(r->frame + 4);
}

uint32_t slv_wal_committed(slv_wal_reader *r)
{
    uint32_t last = 0;

    while (slv_wal_next(r))
        if (slv_wal_commit(r) != 0)
            last = r->at;
    return last;
}

slv_code slv_wal_apply(int wal, int db, uint32_t frames, slv_err *err)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc(sizeof(slv_wal_reader));
    slv_wal_reader *r = memory;
    uint32_t last = 0, pages = 0;

    bool any = slv_wal_begin(r, wal);
    if (!any && !r->failed)
        return frames == 0 || frames == UINT32_MAX
                   ? SLV_OK
                   : slv_fail(err, SLV_E_NOTFOUND, "that bookmark is not kept");
    /* Only what was committed: first where the last commit is. */
    while (any && r->at < frames && slv_wal_next(r)) {
        if (slv_wal_commit(r) != 0) {
            last = r->at;
            pages = slv_wal_commit(r);
        }
    }
    if (r->failed)
        return slv_fail_errno(err, SLV_E_IO, "time travel");
    if (frames != UINT32_MAX && last < frames)
        return slv_fail(err, SLV_E_NOTFOUND, "that bookmark is not kept");
    if (!slv_wal_begin(r, wal))
        return slv_fail(err, SLV_E_IO, "an archived WAL is damaged");
    while (r->at < last && slv_wal_next(r)) {
        uint64_t at = (uint64_t)(be32(r->frame) - 1) * r->head.page;

        if (pwrite(db, r->frame + SLV_WAL_FRAME_HEADER, r->head.page, (off_t)at) !=
            (ssize_t)r->head.page)
            return slv_fail_errno(err, SLV_E_IO, "time travel");
    }
    if (r->at < last)
        return slv_fail(err, SLV_E_IO, "an archived WAL is damaged");
    if (last > 0 && ftruncate(db, (off_t)pages * r->head.page) != 0)
        return slv_fail_errno(err, SLV_E_IO, "time travel");
    return SLV_OK;
}
