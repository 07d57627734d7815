#include "chan/record.h"

#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"

/*
 * The file: "SLVREC01", then records of
 *
 *   u64 time     microseconds since the first record
 *   u32 length   of bytes
 *   u8  dir      0 to the isolate, 1 from it
 *   bytes        as they crossed; a record may begin or end inside a frame
 */
#define MAGIC "SLVREC01"
#define HEAD ((size_t)13)

struct slv_record {
    FILE *file;
    uint64_t began_ns;
    int error;
};

slv_code slv_record_create(const char *path, slv_record **ret, slv_err *err)
{
    FILE *file = fopen(path, "wbe");

    if (!file)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    slv_record *rec = slv_new0(slv_record);
    rec->file = file;
    if (fwrite(MAGIC, sizeof MAGIC - 1, 1, file) != 1)
        rec->error = errno;
    *ret = rec;
    return SLV_OK;
}

void slv_record_add(slv_record *rec, slv_record_dir dir, slv_str bytes)
{
    uint64_t now = slv_clock_mono_ns();
    char head[HEAD];

    if (rec->error)
        return;
    if (rec->began_ns == 0)
        rec->began_ns = now;
    const uint64_t time_us = (now - rec->began_ns) / 1000;
    const uint32_t len = (uint32_t)bytes.len;
    SLV_ASSERT(bytes.len <= SLV_RECORD_MAX);
    memcpy(head, &time_us, 8);
    memcpy(head + 8, &len, 4);
    head[12] = (char)dir;
    if (fwrite(head, HEAD, 1, rec->file) != 1 ||
        (len > 0 && fwrite(bytes.ptr, len, 1, rec->file) != 1))
        rec->error = errno ? errno : EIO;
}

slv_code slv_record_close(slv_record *rec, slv_err *err)
{
    int error = rec->error;

    if (fclose(rec->file) != 0 && !error)
        error = errno;
    free(rec);
    if (error) {
        errno = error;
        return slv_fail_errno(err, SLV_E_IO, "recording");
    }
    return SLV_OK;
}

slv_code slv_record_read(slv_str file, slv_record_reader *ret, slv_err *err)
{
    if (!slv_str_starts(file, SLV_STR(MAGIC)))
        return slv_fail(err, SLV_E_PARSE, "this is no recording of a channel");
    ret->rest = slv_str_skip(file, sizeof MAGIC - 1);
    return SLV_OK;
}

slv_code slv_record_next(slv_record_reader *r, slv_record_entry *ret, slv_err *err)
{
    slv_reader in = slv_reader_make(r->rest);
    uint64_t time_us = slv_read_u64(&in);
    uint32_t len = slv_read_u32(&in);
    uint8_t dir = slv_read_u8(&in);

    if (in.bad)
        return SLV_E_NOTFOUND;
    if (len > SLV_RECORD_MAX || dir > SLV_RECORD_FROM_ISOLATE)
        return slv_fail(err, SLV_E_PARSE, "record of %u bytes, direction %u", len, dir);
    slv_str bytes = slv_read_bytes(&in, len);
    if (in.bad)
        return SLV_E_NOTFOUND;
    *ret = (slv_record_entry){time_us, (slv_record_dir)dir, bytes};
    r->rest = in.rest;
    return SLV_OK;
}
