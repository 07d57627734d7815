/*
 * tar.h - tar archives of regular files, written and read in pieces (POSIX.1-2001: ustar headers,
 * with pax headers for what they cannot hold).
 *
 * The writer gives every file a pax header with its time to the nanosecond, and its name and size
 * where they are long. The reader takes what the writer and usual programs write of regular files;
 * everything that is not one (folders, links, devices), or whose name leads out of the place where
 * it is unpacked, is refused with an error that names the entry. Numbers in headers are checked
 * against each other before a byte is taken for content.
 *
 * Pure functions over bytes; one thread at a time. Limits: SLV_TAR_NAME_MAX bytes of a name,
 * SLV_TAR_PAX_MAX of a pax header.
 */
#ifndef SLV_FMT_TAR_H
#define SLV_FMT_TAR_H

#include "base/buf.h"

#define SLV_TAR_BLOCK ((size_t)512)
#define SLV_TAR_NAME_MAX ((size_t)4096)
#define SLV_TAR_PAX_MAX ((size_t)64 << 10)
#define SLV_TAR_SIZE_MAX (UINT64_C(1) << 50)

typedef struct slv_tar_entry {
    slv_str name; /* relative, without "." and ".." parts */
    uint64_t size;
    int64_t mtime_ns;
} slv_tar_entry;

/* A relative path below where it is unpacked: no empty, "." or ".." part, no NUL. */
bool slv_tar_name_ok(slv_str name);

/* ---- writing ---- */

/* Appends what stands before the content. SLV_E_INVAL: the name. */
SLV_NODISCARD slv_code slv_tar_put_head(const slv_tar_entry *entry, slv_buf *out);
/* How many zero bytes follow a content of that size. */
static inline size_t slv_tar_padding(uint64_t size)
{
    return (size_t)(-size & (SLV_TAR_BLOCK - 1));
}
/* Appends the end of the archive. */
SLV_NODISCARD slv_code slv_tar_put_end(slv_buf *out);

/* ---- reading ---- */

typedef struct slv_tar_ops {
    /* entry is borrowed for the call. */
    slv_code (*begin)(void *arg, const slv_tar_entry *entry, slv_err *err);
    slv_code (*data)(void *arg, slv_str bytes, slv_err *err);
    slv_code (*end)(void *arg, slv_err *err); /* of the entry */
} slv_tar_ops;

typedef struct slv_tar_reader {
    const slv_tar_ops *ops;
    void *arg;
    uint8_t block[SLV_TAR_BLOCK];
    size_t have;                       /* bytes of block */
    uint64_t left, padding;            /* of what is being read */
    bool in_pax, in_file, ended;       /* ended: the block of zeroes was seen */
    slv_buf pax, name;                 /* name: of the entry */
    bool has_name, has_size, has_time; /* by a pax header, for the next entry */
    uint64_t pax_size;
    int64_t pax_time_ns;
} slv_tar_reader;

void slv_tar_reader_init(slv_tar_reader *r, const slv_tar_ops *ops, void *arg);
/* What comes behind the end of the archive is passed over. SLV_E_PARSE, or what a callback says. */
SLV_NODISCARD slv_code slv_tar_reader_add(slv_tar_reader *r, slv_str bytes, slv_err *err);
/* SLV_E_PARSE: the archive ends before its end. */
SLV_NODISCARD slv_code slv_tar_reader_end(const slv_tar_reader *r, slv_err *err);
void slv_tar_reader_done(slv_tar_reader *r);

#endif
